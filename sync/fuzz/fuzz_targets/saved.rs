//! Saved documents of any bytes: read whole or refused, never a panic, never more than their limits.
#![no_main]

mod chunk;

use std::sync::Once;

use agog_sync::document::{Document, DocumentKey, DocumentKind};
use libfuzzer_sys::fuzz_target;

static QUIET: Once = Once::new();

fuzz_target!(|bytes: &[u8]| {
    // A panic of Automerge that `Document` catches is no finding; one that comes out of it still is.
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let bytes = chunk::mended(bytes);
    // Those of the golden documents, which are what it starts from.
    for key in [
        DocumentKey::new(DocumentKind::HoldDiscussion, "01932b9e-7c00-7000-8000-000000000001"),
        DocumentKey::new(DocumentKind::JobNote, "01932b9e-7c00-7000-8000-000000000001"),
        DocumentKey::queue("HAM", "press-3"),
    ] {
        if let Ok(document) = Document::load(key.clone(), &bytes) {
            let again = Document::load(key, &document.save()).expect("what was read can be saved and read");
            assert_eq!(again.content(), document.content());
        }
    }
});
