//! A program's bytes, read as whatever the interpreter needs next.

/// What is left of a program. At its end everything is zero or empty.
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn new(program: &'a [u8]) -> Self {
        Input(program)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((byte, rest)) => {
                self.0 = rest;
                *byte
            }
            None => 0,
        }
    }

    pub(crate) fn one_in(&mut self, many: u8) -> bool {
        self.byte() % many == 1
    }

    /// Up to 15 bytes of the program itself.
    pub(crate) fn text(&mut self) -> &'a [u8] {
        let len = usize::from(self.byte() % 16).min(self.0.len());
        let (text, rest) = self.0.split_at(len);
        self.0 = rest;
        text
    }

    /// A key: often one that hooks know.
    pub(crate) fn key(&mut self) -> &'a [u8] {
        match self.byte() % 4 {
            0 => self.text(),
            1 => b"a/k",
            2 => b"a/b/c",
            _ => b"k",
        }
    }

    /// A pattern: often one that keys match.
    pub(crate) fn pattern(&mut self) -> &'a [u8] {
        match self.byte() % 8 {
            0 => self.text(),
            1 | 2 => b"a/*",
            3 => b"k",
            _ => b"**",
        }
    }

    /// A name: often a known one, or nearly.
    pub(crate) fn name(&mut self) -> &'a [u8] {
        match self.byte() % 4 {
            0 => self.text(),
            1 => b"agent_id",
            2 => b"session_id",
            _ => b"team",
        }
    }

    /// A packed context, sound or not.
    pub(crate) fn packed(&mut self) -> Vec<u8> {
        match self.byte() % 4 {
            0 => self.text().to_vec(),
            1 => b"\x00\x08\0\0\0\x01\0\0\0agent_ida\x01\x04\0\0\0\x01\0\0\0team\x01".to_vec(),
            2 => b"\x02\x04\0\0\0\x08\0\0\0team\x01\x02\x03\x04\x05\x06\x07\x08".to_vec(),
            _ if self.one_in(8) => b"\x03\0\0\0\0\x06\0\0\0a list".to_vec(),
            _ => Vec::new(),
        }
    }

    /// Packed operations, keys or pairs, sound or not.
    pub(crate) fn several(&mut self) -> &'a [u8] {
        match self.byte() % 8 {
            0 => self.text(),
            1 | 2 => b"\x01\x03\0\0\0\x01\0\0\0a/kv\x02\x01\0\0\0\0\0\0\0k",
            3 | 4 => b"\0\x03\0\0\0\0\0\0\0a/k\0\x01\0\0\0\0\0\0\0k",
            5 | 6 => b"\x03\0\0\0\x01\0\0\0a/kv\x05\0\0\0\0\0\0\0a/b/c",
            _ => b"",
        }
    }

    pub(crate) fn place(&mut self, len: usize) -> Option<usize> {
        (len > 0).then(|| usize::from(self.byte()) % len)
    }

    pub(crate) fn pick<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        // Now and then nothing, which becomes NULL.
        let byte = usize::from(self.byte());
        if all.is_empty() || byte == 255 { None } else { all.get(byte % all.len()).copied() }
    }
}
