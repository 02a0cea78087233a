"""What reading a pickle may cost, whatever is in it.

A few kilobytes of pickle can name one part so often that the whole would fill any memory, and its opcodes are a program
that can do the same costly thing a million times. So every opcode has a bounded cost, and what grows faster than the
file is counted: opcodes, numbers in storages and tensors, and keys whose hash or comparison is not free. Reading n
bytes takes at most a million steps, 300 MB for containers and 5 n bytes for texts and numbers.
"""

from dataclasses import dataclass

MAX_OPCODES = 1_000_000
"""Of a file, with all pickles inside of it: an official checkpoint has 42,000; a million take 2 to 5 seconds."""
MAX_HASHED_KEYS = 4096
"""Keys that are neither text nor a name: numbers and tuples can be chosen so that all of them collide."""
MAX_KEY = 1024
"""Characters of a key; longer texts take long to compare."""
MAX_PARTS = 16
"""Members of a tuple that is a key, arguments of a call with a meaning, dimensions of a tensor."""
MAX_NAME = 256
"""Characters of the name of a module or a class."""
MAX_BITS = 512
"""Of a whole number; each of them is also a float."""


@dataclass
class Budget:
    """What is left to spend while a file is read.

    Attributes:
        storages: bytes of storages.
        tensors: bytes of the tensors that lie in them; more than of storages, because some share one.
        opcodes: of the pickle and those inside of it.
        hashed_keys: keys that are neither text nor a name.
    """

    storages: int
    tensors: int
    opcodes: int = MAX_OPCODES
    hashed_keys: int = MAX_HASHED_KEYS

    @classmethod
    def of_file(cls, size: int) -> "Budget":
        """For a file of so many bytes."""
        return cls(storages=size, tensors=2 * size)

    def spend_opcode(self) -> None:
        """Counts an opcode."""
        self.opcodes -= 1
        if self.opcodes < 0:
            raise ValueError(f"the pickle has more than {MAX_OPCODES} opcodes; a checkpoint has some 50,000")

    def spend_storage(self, size: int) -> None:
        """Counts bytes of a storage."""
        self.storages -= size
        if self.storages < 0:
            raise ValueError("the pickle's storages are larger than the file: it uses one again and again")

    def spend_tensor(self, size: int) -> None:
        """Counts bytes of a tensor."""
        self.tensors -= size
        if self.tensors < 0:
            raise ValueError("the pickle's tensors are larger than the file: they share their numbers")

    def spend_hashed_key(self) -> None:
        """Counts a key that is neither text nor a name."""
        self.hashed_keys -= 1
        if self.hashed_keys < 0:
            raise ValueError(f"the pickle has more than {MAX_HASHED_KEYS} keys that are no text")
