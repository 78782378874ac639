//! JMF: reading never fails on well-formed JMF, and what is written from it can be read again.
#![no_main]

use agog_jdf::Limits;
use agog_jdf::jmf::{Jmf, correlate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(parsed) = Jmf::parse(bytes, &Limits::default()) else {
        return;
    };
    let _ = correlate(&parsed.jmf.messages, &parsed.jmf.messages);
    let written = parsed.jmf.to_bytes();
    let again = Jmf::parse(&written, &Limits::default()).expect("what was written can be read");
    assert_eq!(again.jmf.messages.len(), parsed.jmf.messages.len());
});
