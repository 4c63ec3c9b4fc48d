//! A catalogue that is packed with gzip (RFC 1952), unpacked as it arrives: whatever a piece holds, a bounded part of it is
//! unpacked at a time.

use std::io::{self, BufRead, ErrorKind, Read};

use bytes::{Buf as _, Bytes};
use flate2::bufread::MultiGzDecoder;

/// Bytes that are unpacked at a time.
pub(super) const STEP_BYTES: usize = 64 * 1024;

/// Why something is not unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotPacked {
    /// It does not begin as gzip does.
    #[error("its name or its server says that it is compressed with gzip, and it is not")]
    Other,
    /// Its checksum or its codes are wrong.
    #[error("it is compressed with gzip, and damaged")]
    Damaged,
    /// It ends too early.
    #[error("it is compressed with gzip, and ends too early")]
    CutOff,
}

/// What arrives, for a decoder that asks for it.
#[derive(Debug, Default)]
struct Arriving {
    piece: Bytes,
    over: bool,
}

impl Read for Arriving {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Arriving {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.piece.is_empty() && !self.over { Err(ErrorKind::WouldBlock.into()) } else { Ok(&self.piece) }
    }

    fn consume(&mut self, count: usize) {
        self.piece.advance(count);
    }
}

/// Unpacks.
pub(super) struct Unpacker {
    decoder: MultiGzDecoder<Arriving>,
    step: Vec<u8>,
    begun: bool,
}

impl Unpacker {
    pub(super) fn new() -> Self {
        Self { decoder: MultiGzDecoder::new(Arriving::default()), step: vec![0; STEP_BYTES], begun: false }
    }

    /// Takes the next piece. The one before it must have been unpacked.
    pub(super) fn push(&mut self, piece: Bytes) {
        self.decoder.get_mut().piece = piece;
    }

    /// Says that nothing more comes.
    pub(super) fn end(&mut self) {
        self.decoder.get_mut().over = true;
    }

    /// What is unpacked next; nothing when more must come, or, after the end, when all was whole.
    pub(super) fn next(&mut self) -> Result<&[u8], NotPacked> {
        match self.decoder.read(&mut self.step) {
            Ok(count) => {
                self.begun |= count > 0;
                Ok(&self.step[..count])
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => Ok(&[]),
                ErrorKind::UnexpectedEof => Err(NotPacked::CutOff),
                _ if self.begun => Err(NotPacked::Damaged),
                _ => Err(NotPacked::Other),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// What comes of pieces of `step` bytes, and how long the longest part of it was.
    fn unpack(packed: &[u8], step: usize) -> Result<(Vec<u8>, usize), NotPacked> {
        let (mut unpacker, mut whole, mut longest) = (Unpacker::new(), Vec::new(), 0);
        let pieces = packed.chunks(step).map(|piece| Some(Bytes::copy_from_slice(piece)));
        for piece in pieces.chain([None]) {
            match piece {
                Some(piece) => unpacker.push(piece),
                None => unpacker.end(),
            }
            loop {
                let part = unpacker.next()?;
                if part.is_empty() {
                    break;
                }
                longest = longest.max(part.len());
                whole.extend_from_slice(part);
            }
        }
        Ok((whole, longest))
    }

    #[test]
    fn however_it_is_cut_into_pieces_the_same_comes_out() {
        let text: Vec<u8> = (0..20_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let two = [packed(&text), packed(b"and another member")].concat();
        let whole = [&text[..], b"and another member"].concat();
        for step in [1, 7, 4096, usize::MAX] {
            assert_eq!(unpack(&two, step).map(|(whole, _)| whole), Ok(whole.clone()), "in pieces of {step}");
        }
        assert_eq!(unpack(&packed(b""), 3), Ok((Vec::new(), 0)));
    }

    #[test]
    fn what_is_cut_off_damaged_or_no_gzip_is_told_apart() {
        let good = packed(&b"[{\"catalogId\":\"a\"}]".repeat(20));
        for length in 0..good.len() {
            for step in [1, 4096] {
                assert_eq!(unpack(&good[..length], step), Err(NotPacked::CutOff), "{length} bytes in pieces of {step}");
            }
        }
        let mut damaged = good.clone();
        let crc = damaged.len() - 5;
        damaged[crc] ^= 1;
        assert_eq!(unpack(&damaged, 3), Err(NotPacked::Damaged));
        assert_eq!(unpack(&[&good[..], b"[]"].concat(), 3), Err(NotPacked::CutOff));
        assert_eq!(unpack(&[&good[..], &[0; 64]].concat(), 3), Err(NotPacked::Damaged));
        assert_eq!(unpack(b"[{\"catalogId\":\"a\"}]", 3), Err(NotPacked::Other));
    }

    #[test]
    fn a_little_that_unpacks_to_a_lot_comes_in_bounded_parts() {
        let bomb = packed(&vec![b' '; 20 << 20]);
        assert!(bomb.len() < 32 << 10);
        let (whole, longest) = unpack(&bomb, usize::MAX).unwrap();
        assert_eq!((whole.len(), longest), (20 << 20, STEP_BYTES));
    }
}
