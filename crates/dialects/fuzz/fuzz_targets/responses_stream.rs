//! A stream of the Responses API, translated for every client: see [`translation::stream`].

#![no_main]

use dialects_fuzz::{mutation, translation};
use domain::Dialect;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|text: &[u8]| translation::stream(Dialect::OpenaiResponses, text));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutation::stream(data, size, max_size, seed)
});
