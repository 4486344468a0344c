//! What a file is, by its first bytes.

/// How many of a file's first bytes are looked at.
pub const HEAD_BYTES: usize = 8 << 10;

/// What the first bytes of a file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sniffed {
    /// They begin like files of this MIME type.
    Is(&'static str),
    /// Like none that is known, such as plain text.
    Unknown,
}

/// Looks at the first bytes of a file, at most [`HEAD_BYTES`] of which matter.
#[must_use]
pub fn sniff(head: &[u8]) -> Sniffed {
    infer::get(head).map_or(Sniffed::Unknown, |kind| Sniffed::Is(kind.mime_type()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_tell_what_they_are() {
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), Sniffed::Is("image/png"));
        assert_eq!(sniff(b"\xff\xd8\xff\xe0\0\x10JFIF"), Sniffed::Is("image/jpeg"));
        assert_eq!(sniff(b"%PDF-1.7\n"), Sniffed::Is("application/pdf"));
        assert_eq!(sniff(b"OggS\0\x02\0\0"), Sniffed::Is("audio/ogg"));
        assert_eq!(sniff(b"RIFF\x24\0\0\0WEBPVP8 "), Sniffed::Is("image/webp"));
        assert_eq!(sniff(b"hello"), Sniffed::Unknown);
        assert_eq!(sniff(b""), Sniffed::Unknown);
    }
}
