from archive_files import files, masks, write_set

__all__ = ["files", "masks", "write_set"]
