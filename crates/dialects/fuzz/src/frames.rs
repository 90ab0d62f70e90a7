//! Amazon's event stream framing once more, as little of it as the target needs: to count the whole
//! frames of an input, and to make their checksums fit.

/// Two lengths and their checksum.
const PRELUDE: usize = 12;

/// How many frames at the beginning of `text` are whole and have checksums that fit.
#[must_use]
pub fn whole(mut text: &[u8]) -> usize {
    let mut frames = 0;
    while let Some(total) = length(text) {
        let (frame, rest) = text.split_at(total);
        let fits = |end: usize| frame[end..end + 4] == crc32fast::hash(&frame[..end]).to_be_bytes();
        if !fits(PRELUDE - 4) || !fits(total - 4) {
            break;
        }
        frames += 1;
        text = rest;
    }
    frames
}

/// Writes the checksums of every frame of `text`.
pub fn sign(mut text: &mut [u8]) {
    while let Some(total) = length(text) {
        let (frame, rest) = text.split_at_mut(total);
        for end in [PRELUDE - 4, total - 4] {
            let sum = crc32fast::hash(&frame[..end]).to_be_bytes();
            frame[end..end + 4].copy_from_slice(&sum);
        }
        text = rest;
    }
}

/// The length of the first frame; `None` where it is not whole.
fn length(text: &[u8]) -> Option<usize> {
    let total = usize::try_from(u32::from_be_bytes(*text.first_chunk()?)).ok()?;
    (PRELUDE + 4..=text.len()).contains(&total).then_some(total)
}
