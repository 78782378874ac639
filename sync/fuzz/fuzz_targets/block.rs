//! Telemetry of any bytes: as a batch, as a body, and as what a body holds once it is unpacked. Read or refused, never a panic;
//! what was read is written and read again as it was.
#![no_main]

use agog_sync::telemetry::{VERSION, batch, decode, encode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = batch::read(bytes);
    let _ = decode(1, bytes);
    let mut body = vec![VERSION];
    body.extend(zstd::bulk::compress(bytes, 1).expect("any bytes can be compressed"));
    if let Ok(block) = decode(1, &body) {
        let again = encode(&block).and_then(|body| decode(1, &body)).expect("what was read can be written");
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&again.value), bits(&block.value));
        assert_eq!((again.series_index, again.time_us), (block.series_index, block.time_us));
    }
});
