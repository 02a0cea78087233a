"""From a model to pictures: loading, paths through styles, many pictures within a memory budget."""
