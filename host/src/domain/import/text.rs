//! Bytes of any encoding as text, piece by piece. What cannot be decoded
//! becomes U+FFFD, and its place is remembered.

use std::collections::VecDeque;

use encoding_rs::{Decoder, DecoderResult, Encoding};

/// Decodes a stream; holds what was decoded and not yet consumed.
pub struct Text {
    decoder: Decoder,
    buffer: String,
    start: usize,
    /// Length of everything consumed so far.
    consumed: usize,
    damaged: VecDeque<usize>,
}

impl Text {
    /// Decodes this encoding, without its byte order mark.
    pub fn new(encoding: &'static Encoding) -> Self {
        let (buffer, damaged) = (String::new(), VecDeque::new());
        Self { decoder: encoding.new_decoder_with_bom_removal(), buffer, start: 0, consumed: 0, damaged }
    }

    /// Takes further bytes; with `is_last`, the end of the file.
    pub fn push(&mut self, bytes: &[u8], is_last: bool) {
        self.buffer.drain(..self.start);
        self.start = 0;
        let mut rest = bytes;
        loop {
            let room = self.decoder.max_utf8_buffer_length_without_replacement(rest.len()).unwrap_or(rest.len() * 3);
            self.buffer.reserve(room + 4);
            let (result, read) = self.decoder.decode_to_string_without_replacement(rest, &mut self.buffer, is_last);
            rest = &rest[read..];
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => {
                    self.damaged.push_back(self.consumed + self.buffer.len());
                    self.buffer.push(char::REPLACEMENT_CHARACTER);
                }
            }
        }
    }

    /// What is decoded and not yet consumed.
    pub fn rest(&self) -> &str {
        &self.buffer[self.start..]
    }

    /// Memory that it takes.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        self.buffer.capacity()
    }

    /// Consumes so many bytes; says whether something in them could not be decoded.
    pub fn consume(&mut self, length: usize) -> bool {
        self.start += length;
        self.consumed += length;
        let mut is_damaged = false;
        while self.damaged.front().is_some_and(|at| *at < self.consumed) {
            self.damaged.pop_front();
            is_damaged = true;
        }
        is_damaged
    }
}
