//! What the fuzz targets share: ways to cut an input into chunks, mutations that keep JSON and
//! streams readable, and the properties that hold for more than one parser. The targets themselves are
//! in `fuzz_targets/`, the inputs they begin with in `corpus/`.

pub mod chunks;
mod converse_stream;
pub mod frames;
pub mod grammar;
pub mod mutation;
pub mod property;
pub mod translation;
