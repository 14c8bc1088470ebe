"""For tests of Weft, of its adapters, and of what is built on it: conformance suites and stand-ins. Public."""
