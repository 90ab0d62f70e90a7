//! A request of Chat Completions, translated for every upstream: see [`translation::request`].

#![no_main]

use dialects_fuzz::{mutation, translation};
use domain::Dialect;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|body: &[u8]| translation::request(Dialect::OpenaiChat, body));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutation::json(data, size, max_size, seed)
});
