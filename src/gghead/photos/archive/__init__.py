"""What is written of photographs: archives that grow, records, and the contact sheet."""
