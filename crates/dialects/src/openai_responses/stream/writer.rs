//! Frames events for a client: a name, a number that counts up, and data on one line.

use crate::write::{self, ObjectWriter};

/// Writes the events of one stream.
#[derive(Debug, Default)]
pub(super) struct EventWriter {
    sequence: u64,
}

impl EventWriter {
    /// Appends one event.
    pub fn event(
        &mut self,
        out: &mut Vec<u8>,
        kind: &str,
        fill: impl FnOnce(&mut ObjectWriter<'_>),
    ) {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\ndata: ");
        let data = out.len();
        write::object(out, |o| {
            o.put("type", kind);
            o.put("sequence_number", &self.sequence);
            fill(o);
        });
        self.sequence += 1;
        // What is repeated as it came (tools, items) may have been written over several lines, and a
        // line break would end the data. Inside of JSON's strings there is none.
        if let Some(data) = out.get_mut(data..)
            && memchr::memchr2(b'\n', b'\r', data).is_some()
        {
            for byte in data.iter_mut().filter(|b| matches!(b, b'\n' | b'\r')) {
                *byte = b' ';
            }
        }
        out.extend_from_slice(b"\n\n");
    }
}

/// Where an event belongs.
#[derive(Debug)]
pub(super) struct Place {
    pub id: String,
    pub index: u32,
}

impl Place {
    pub fn write(&self, o: &mut ObjectWriter<'_>) {
        o.put("item_id", &self.id);
        o.put("output_index", &self.index);
    }
}
