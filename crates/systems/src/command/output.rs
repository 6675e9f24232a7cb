//! The end of a program's output: read to its end, kept within a bound, told without secrets.

use std::collections::VecDeque;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::auth::Secrets;

/// The last bytes of a stream.
pub(super) struct Tail<R> {
    stream: Option<R>,
    kept: VecDeque<u8>,
    kept_bytes_max: usize,
    /// More than is told is kept, by the longest secret: half of one must not be left where the cut is.
    margin_bytes: usize,
    is_cut: bool,
}

impl<R: AsyncRead + Unpin> Tail<R> {
    pub(super) fn new(stream: Option<R>, kept_bytes_max: usize, secrets: &Secrets) -> Self {
        Tail {
            stream,
            kept: VecDeque::new(),
            kept_bytes_max,
            margin_bytes: secrets.longest(),
            is_cut: false,
        }
    }

    /// Reads to the end. What was read is kept if this is given up.
    pub(super) async fn read(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        let mut chunk = vec![0; 8 * 1024];
        // An error ends the stream as its end does: what was said until then is told.
        while let Ok(count @ 1..) = stream.read(&mut chunk).await {
            self.kept.extend(&chunk[..count]);
            let too_many = self
                .kept
                .len()
                .saturating_sub(self.kept_bytes_max + self.margin_bytes);
            if too_many > 0 {
                self.kept.drain(..too_many);
                self.is_cut = true;
            }
        }
    }

    /// All that was read; `None` if it was more than is kept.
    pub(super) fn whole(self) -> Option<Vec<u8>> {
        let is_whole = !self.is_cut && self.kept.len() <= self.kept_bytes_max;
        is_whole.then(|| self.kept.into())
    }

    /// What was kept, without secrets.
    pub(super) fn text(mut self, secrets: &Secrets) -> String {
        let bytes = self.kept.make_contiguous();
        let mut text = secrets.scrubbed(String::from_utf8_lossy(bytes).into_owned());
        let cut_at = if self.is_cut { self.margin_bytes } else { 0 }
            .max(text.len().saturating_sub(self.kept_bytes_max));
        if cut_at > 0 {
            text.drain(..text.ceil_char_boundary(cut_at.min(text.len())));
            text.insert(0, '…');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn tail(text: &[u8], kept_bytes_max: usize) -> String {
        let secrets = Secrets::new(["hunter22".into()]);
        let mut tail = Tail::new(Some(text), kept_bytes_max, &secrets);
        tail.read().await;
        tail.text(&secrets)
    }

    #[tokio::test]
    async fn the_end_is_kept_and_no_half_of_a_secret() {
        assert_eq!(tail(b"abc hunter22", 40).await, "abc ***");
        assert_eq!(tail(b"abcdef", 40).await, "abcdef");
        for kept_bytes_max in 1..12 {
            let told = tail(b"xxxxxxxxxxxxxxxxxxxxxxx hunter22 end", kept_bytes_max).await;
            assert!(told.starts_with('…') && !told.contains("er22"), "{told}");
            assert!(told.len() <= kept_bytes_max + '…'.len_utf8() + 3, "{told}");
        }
        assert_eq!(tail("ääää".as_bytes(), 3).await, "…ä");
    }
}
