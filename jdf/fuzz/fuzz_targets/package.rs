//! MIME packages: the same parts whole and in pieces, bounded memory, harmless names.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| agog_jdf::package::assert_reader_invariants(bytes));
