//! Changes of any bytes, believed in what they say of themselves: taken in whole or refused, never a panic.
#![no_main]

mod chunk;

use std::sync::Once;

use agog_sync::chain::Hash;
use agog_sync::document::{
    Author, ChangeRefused, Document, DocumentChanged, DocumentKey, DocumentKind, Role,
};
use base64::Engine;
use libfuzzer_sys::fuzz_target;

static QUIET: Once = Once::new();

fuzz_target!(|bytes: &[u8]| {
    // A panic of Automerge that `Document` catches is no finding; one that comes out of it still is.
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let Some((kind, bytes)) = bytes.split_first() else {
        return;
    };
    let kind = DocumentKind::ALL[usize::from(*kind) % DocumentKind::ALL.len()];
    let key = match kind {
        DocumentKind::SchedulePriority => DocumentKey::queue("HAM", "press-3"),
        _ => DocumentKey::new(kind, "01932b9e-7c00-7000-8000-000000000001"),
    };
    let mut document = Document::new(key.clone());
    let mut changed = DocumentChanged {
        document: key,
        hash: Hash::from_bytes([0; 32]),
        deps: document.heads(),
        author: Author {
            name: "Jane Smith".to_owned(),
            role: Role::Operator,
        },
        change: base64::engine::general_purpose::STANDARD.encode(chunk::mended(bytes)),
        generation: 1,
        carries: None,
    };
    if let Err(ChangeRefused::OtherHash { found, .. }) = document.apply(&changed) {
        changed.hash = found;
        let before = document.heads();
        if document.apply(&changed).is_err() {
            assert_eq!(document.heads(), before);
        }
        document.content();
    }
});
