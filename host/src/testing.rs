//! Components for unit tests, byte by byte.

/// A component with nothing in it.
pub(crate) const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

/// A component that imports an instance of the given name with one function, `f`.
pub(crate) fn importing(name: &str) -> Vec<u8> {
    let mut bytes = EMPTY.to_vec();
    // Type section: one instance type of two declarations, a function type without parameters and results, and
    // the export `f` of that type. (An import of an interface without functions is always satisfied.)
    bytes.extend([7, 14, 1, 0x42, 2]);
    bytes.extend([1, 0x40, 0, 1, 0]);
    bytes.extend([4, 0, 1, b'f', 1, 0]);
    // Import section: one import; a plain name; of instance type 0.
    let length = u8::try_from(name.len()).expect("a short name");
    bytes.extend([10, length + 5, 1, 0, length]);
    bytes.extend(name.as_bytes());
    bytes.extend([5, 0]);
    bytes
}
