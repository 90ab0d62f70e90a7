//! A whole answer of Bedrock Converse, translated for every client: see [`translation::answer`].

#![no_main]

use dialects_fuzz::{mutation, translation};
use domain::Dialect;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|body: &[u8]| translation::answer(Dialect::BedrockConverse, body));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutation::json(data, size, max_size, seed)
});
