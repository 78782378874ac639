//! Instants and durations: whatever is read can be written and read again as the same.
#![no_main]

use agog_jdf::value::{parse_date_time, parse_duration, write_date_time, write_duration};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Some(read) = parse_date_time(text) {
        let again = parse_date_time(&write_date_time(read.timestamp)).expect("what was written can be read");
        assert_eq!((again.timestamp, again.remark), (read.timestamp, None));
    }
    if let Some(duration) = parse_duration(text) {
        assert_eq!(parse_duration(&write_duration(duration)), Some(duration));
    }
});
