"""The bookshelf: photos of shelves become spines, books and topics, and a topic's view points are compared."""
