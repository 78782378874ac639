//! Documents that are edited on both sides: replicas converge (I4), hostile changes do nothing, and what an earlier
//! version saved is read for ever.

#[path = "shared/papers.rs"]
mod papers;

use std::collections::{BTreeMap, BTreeSet};

use DocumentKind::{HoldDiscussion, JobNote, SchedulePriority};
use agog_sync::chain::Hash;
use agog_sync::document::repair::{Digests, DocumentHeads};
use agog_sync::document::{
    Applied, CHANGE_BYTES_MAX, ChangeRefused, Content, Document, DocumentChanged, DocumentKey,
    DocumentKind, Edit, EditRefused, Role,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use papers::{HOLD, at, author, key, ranks};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// One side with a document and an actor of its own.
struct Replica {
    document: Document,
    actor: [u8; 16],
    role: Role,
}

impl Replica {
    fn new(kind: DocumentKind, n: u8, role: Role) -> Self {
        Self {
            document: Document::new(key(kind)),
            actor: [n; 16],
            role,
        }
    }

    fn edit(&mut self, edit: &Edit, now: Timestamp) -> DocumentChanged {
        let author = author(&format!("person {}", self.actor[0]), self.role);
        let made = self.document.edit(&self.actor, &author, edit, now);
        made.unwrap().expect("the edit changes something")
    }
}

fn takes_in(replica: &mut Replica, changed: &DocumentChanged) -> Applied {
    replica.document.apply(changed).unwrap()
}

fn pair(kind: DocumentKind) -> (Replica, Replica) {
    (
        Replica::new(kind, 1, Role::Operator),
        Replica::new(kind, 2, Role::Planner),
    )
}

#[test]
fn both_sides_of_a_note_that_was_edited_apart_are_in_it() {
    let (mut plant, mut office) = pair(DocumentKind::JobNote);
    let first = plant.edit(
        &Edit::Text("Ink is low. Check the anilox.".to_owned()),
        at(0),
    );
    takes_in(&mut office, &first);
    let ours = plant.edit(
        &Edit::Text("Cyan ink is low. Check the anilox.".to_owned()),
        at(1),
    );
    let splice = Edit::Splice {
        at: 29,
        delete: 0,
        insert: " Call Bob.".to_owned(),
    };
    let theirs = office.edit(&splice, at(2));
    takes_in(&mut plant, &theirs);
    takes_in(&mut office, &ours);
    let merged = Content::Text("Cyan ink is low. Check the anilox. Call Bob.".to_owned());
    assert_eq!(plant.document.content(), merged);
    assert_eq!(office.document.content(), merged);
    assert_eq!(plant.document.heads(), office.document.heads());
}

#[test]
fn a_rank_that_both_set_apart_is_the_planners_and_the_other_stays_visible_until_somebody_decides() {
    let (mut plant, mut office) = pair(DocumentKind::SchedulePriority);
    let theirs = office.edit(&ranks([("JOB-1", Some(7)), ("JOB-2", Some(1))]), at(0));
    let ours = plant.edit(&ranks([("JOB-1", Some(2))]), at(60));
    let Applied::New(merge) = takes_in(&mut plant, &theirs) else {
        panic!("it is new");
    };
    assert_eq!(merge.concurrent, vec![ours.hash]);
    takes_in(&mut office, &ours);
    for replica in [&plant, &office] {
        let Content::Priorities(order) = replica.document.content() else {
            panic!("priorities");
        };
        let order: Vec<_> = order
            .iter()
            .map(|one| (one.job.as_str(), one.rank))
            .collect();
        assert_eq!(order, [("JOB-2", 1), ("JOB-1", 7)]);
        let conflicts = replica.document.conflicts();
        assert_eq!(conflicts.len(), 1);
        assert_eq!(conflicts[0].field, "JOB-1");
        assert_eq!(conflicts[0].winner.by, "person 2");
        let loser = &conflicts[0].losers[0];
        assert_eq!(
            (loser.by.as_str(), loser.rank, loser.at),
            ("person 1", Some(2), at(60))
        );
    }
    assert_eq!(merge.conflicts, plant.document.conflicts());

    let decided = plant.edit(&ranks([("JOB-1", Some(2))]), at(120));
    takes_in(&mut office, &decided);
    assert_eq!(office.document.conflicts(), vec![]);
    assert_eq!(office.document.heads(), plant.document.heads());
}

#[test]
fn of_two_of_the_same_role_the_later_stands_and_a_slow_clock_does_not_undo_what_it_follows() {
    let mut early = Replica::new(DocumentKind::SchedulePriority, 1, Role::ShiftLead);
    let mut late = Replica::new(DocumentKind::SchedulePriority, 2, Role::ShiftLead);
    let one = early.edit(&ranks([("J", Some(1))]), at(0));
    let other = late.edit(&ranks([("J", Some(2))]), at(1));
    takes_in(&mut early, &other);
    takes_in(&mut late, &one);
    assert_eq!(early.document.conflicts()[0].winner.rank, Some(2));
    // The clock of the one who decides is an hour slow.
    let decided = early.edit(&ranks([("J", None)]), at(-3_600));
    takes_in(&mut late, &decided);
    assert_eq!(late.document.content(), Content::Priorities(vec![]));
    assert_eq!(late.document.conflicts(), vec![]);
}

#[test]
fn an_edit_that_changes_nothing_makes_no_change() {
    let (mut plant, _) = pair(DocumentKind::SchedulePriority);
    let who = author("Jane", Role::Operator);
    plant.edit(&ranks([("J", Some(1))]), at(0));
    let again = plant
        .document
        .edit(&[1; 16], &who, &ranks([("J", Some(1)), ("K", None)]), at(1));
    assert_eq!(again, Ok(None));
}

#[test]
fn edits_beyond_the_limits_or_of_another_kind_are_refused_with_what_is_wrong() {
    let who = author("Jane", Role::Operator);
    let refused = |kind, edit: Edit| {
        let mut document = Document::new(key(kind));
        let refused = document.edit(&[1; 16], &who, &edit, at(0)).unwrap_err();
        assert_eq!(document.changes(), 0);
        refused.code()
    };
    let splice = |at, delete| Edit::Splice {
        at,
        delete,
        insert: "x".to_owned(),
    };
    assert_eq!(
        refused(JobNote, Edit::Text("x".repeat(5_001))),
        "edit-too-long"
    );
    assert_eq!(refused(JobNote, splice(1, 0)), "edit-outside-text");
    assert_eq!(refused(JobNote, splice(usize::MAX, 2)), "edit-outside-text");
    assert_eq!(
        refused(JobNote, Edit::Append("x".to_owned())),
        "edit-of-other-kind"
    );
    assert_eq!(
        refused(HoldDiscussion, Edit::Append(" ".to_owned())),
        "edit-empty"
    );
    assert_eq!(
        refused(HoldDiscussion, Edit::Append("x".repeat(4_001))),
        "edit-too-long"
    );
    assert_eq!(
        refused(SchedulePriority, ranks([("\n", Some(1))])),
        "bad-job-number"
    );
    assert_eq!(refused(SchedulePriority, ranks([])), "edit-empty");
    let nobody = author(" ", Role::Operator);
    let mut document = Document::new(key(JobNote));
    let refused = document.edit(&[1; 16], &nobody, &Edit::Text("x".to_owned()), at(0));
    assert!(matches!(refused, Err(EditRefused::Empty { .. })));
}

#[test]
fn the_longest_note_can_be_written_anew() {
    let (mut plant, mut office) = pair(DocumentKind::JobNote);
    let mut rng = StdRng::seed_from_u64(3);
    let mut text = || -> String { (0..5_000).map(|_| rng.random_range('a'..='z')).collect() };
    for second in 0..2 {
        let change = plant.edit(&Edit::Text(text()), at(second));
        takes_in(&mut office, &change);
    }
    assert_eq!(plant.document.content(), office.document.content());
}

#[test]
fn a_change_waits_for_those_that_it_follows_and_fits_no_other_document() {
    let (mut plant, mut office) = pair(DocumentKind::HoldDiscussion);
    let first = plant.edit(&Edit::Append("one".to_owned()), at(0));
    let second = plant.edit(&Edit::Append("two".to_owned()), at(1));
    let waits = Applied::Waits {
        missing: vec![first.hash],
    };
    assert_eq!(takes_in(&mut office, &second), waits);
    assert!(matches!(takes_in(&mut office, &first), Applied::New(_)));
    assert!(matches!(takes_in(&mut office, &second), Applied::New(_)));
    assert_eq!(takes_in(&mut office, &second), Applied::Known);

    let other = DocumentKey::new(DocumentKind::HoldDiscussion, HOLD.replace('1', "2"));
    let moved = DocumentChanged {
        document: other.clone(),
        ..first
    };
    assert!(matches!(
        Document::new(other).apply(&moved),
        Ok(Applied::Waits { .. })
    ));
}

/// What the author of a change may not say of it.
#[test]
fn a_change_that_is_not_what_it_says_is_refused_and_leaves_the_document_as_it_was() {
    let (mut plant, _) = pair(DocumentKind::HoldDiscussion);
    let good = plant.edit(&Edit::Append("fine".to_owned()), at(0));
    let other = plant.edit(&Edit::Append("more".to_owned()), at(1));
    let mut document = Document::new(key(DocumentKind::HoldDiscussion));
    let mut code = |change: &DocumentChanged| {
        let refused = document.apply(change).unwrap_err();
        assert_eq!(document.changes(), 0);
        refused.code()
    };
    let planner = author(&good.author.name, Role::Planner);
    let signed = DocumentChanged {
        author: planner,
        ..good.clone()
    };
    assert_eq!(code(&signed), "change-not-allowed");
    let named = DocumentChanged {
        hash: other.hash,
        ..good.clone()
    };
    assert_eq!(code(&named), "change-mislabelled");
    let follows = DocumentChanged {
        deps: vec![],
        ..good.clone()
    };
    assert_eq!(code(&follows), "change-mislabelled");
    let large = DocumentChanged {
        change: "A".repeat(2 * CHANGE_BYTES_MAX),
        ..good.clone()
    };
    assert_eq!(code(&large), "change-too-large");
    let kind = DocumentChanged {
        document: key(DocumentKind::SchedulePriority),
        ..good.clone()
    };
    assert_eq!(code(&kind), "bad-document-id");
    let text = DocumentChanged {
        change: "no base64".to_owned(),
        ..good
    };
    assert_eq!(code(&text), "change-unreadable");
}

#[test]
fn a_priority_change_is_no_change_of_a_note() {
    let (mut plant, _) = pair(DocumentKind::SchedulePriority);
    let foreign = plant.edit(&ranks([("J", Some(1))]), at(0));
    let foreign = DocumentChanged {
        document: key(DocumentKind::JobNote),
        ..foreign
    };
    let refused = Document::new(key(DocumentKind::JobNote)).apply(&foreign);
    assert!(
        matches!(refused, Err(ChangeRefused::NotAllowed(_))),
        "{refused:?}"
    );
}

/// Replicas that edit at random and hear of each other's changes in any order, some twice, some never.
fn replicas_converge(kind: DocumentKind, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let roles = [Role::Operator, Role::ShiftLead, Role::Planner];
    let mut replicas: Vec<_> = (0..3)
        .map(|n| Replica::new(kind, u8::try_from(n).unwrap(), roles[n]))
        .collect();
    let mut changes: BTreeMap<Hash, DocumentChanged> = BTreeMap::new();
    let mut wires: Vec<Vec<DocumentChanged>> = vec![Vec::new(); 3];
    let mut waiting: Vec<BTreeMap<Hash, DocumentChanged>> = vec![BTreeMap::new(); 3];
    let mut comments = BTreeSet::new();
    let mut now = at(0);
    for step in 0..40 {
        let n = rng.random_range(0..3);
        if rng.random_bool(0.5) {
            now += SignedDuration::from_secs(rng.random_range(-2..5));
            let edit = random_edit(&replicas[n].document, step, &mut rng);
            if let Edit::Append(text) = &edit {
                comments.insert(text.clone());
            }
            let who = author(&format!("person {n}"), replicas[n].role);
            let actor = replicas[n].actor;
            let made = replicas[n].document.edit(&actor, &who, &edit, now).unwrap();
            if let Some(change) = made {
                for (other, wire) in wires.iter_mut().enumerate() {
                    // One in five is lost, some come twice.
                    for _ in 0..rng.random_range(0..5_usize).min(2) {
                        if other != n {
                            wire.push(change.clone());
                        }
                    }
                }
                changes.insert(change.hash, change);
            }
            if rng.random_bool(0.1) {
                // A restart: what is saved is read back, and the actor is a new one.
                let saved = replicas[n].document.save();
                replicas[n].document = Document::load(key(kind), &saved).unwrap();
                replicas[n].actor = rng.random();
            }
        } else if !wires[n].is_empty() {
            let place = rng.random_range(0..wires[n].len());
            let change = wires[n].swap_remove(place);
            deliver(&mut replicas[n], &mut waiting[n], change);
        }
    }
    // Repair: whoever lacks something by its heads is given it.
    for n in 0..3 {
        for other in 0..3 {
            let heads = replicas[n].document.heads();
            for hash in replicas[other].document.missing(&heads) {
                let change = changes[&hash].clone();
                deliver(&mut replicas[n], &mut waiting[n], change);
            }
        }
    }
    for n in 0..3 {
        for (hash, change) in &changes {
            if !replicas[n].document.has(hash) {
                deliver(&mut replicas[n], &mut waiting[n], change.clone());
            }
        }
    }
    let heads = |replica: &Replica| DocumentHeads {
        document: key(kind),
        heads: replica.document.heads(),
        generation: replica.document.generation(),
    };
    for replica in &replicas {
        assert_eq!(
            replica.document.changes(),
            changes.len(),
            "seed {seed}: a change is lost"
        );
        assert_eq!(
            replica.document.heads(),
            replicas[0].document.heads(),
            "seed {seed}"
        );
        assert_eq!(
            replica.document.content(),
            replicas[0].document.content(),
            "seed {seed}"
        );
        assert_eq!(
            replica.document.conflicts(),
            replicas[0].document.conflicts(),
            "seed {seed}"
        );
        let digests = Digests::of([&heads(replica)]);
        assert_eq!(
            digests.digest(),
            Digests::of([&heads(&replicas[0])]).digest()
        );
    }
    if let Content::Comments(found) = replicas[0].document.content() {
        let found: BTreeSet<_> = found.into_iter().map(|comment| comment.text).collect();
        assert_eq!(found, comments, "seed {seed}: a comment is lost");
    }
}

fn deliver(
    replica: &mut Replica,
    waiting: &mut BTreeMap<Hash, DocumentChanged>,
    change: DocumentChanged,
) {
    waiting.insert(change.hash, change);
    while let Some(ready) = waiting
        .values()
        .find(|change| {
            !matches!(
                replica.document.clone().apply(change).unwrap(),
                Applied::Waits { .. }
            )
        })
        .map(|change| change.hash)
    {
        let change = waiting.remove(&ready).unwrap();
        replica.document.apply(&change).unwrap();
    }
}

fn random_edit(document: &Document, step: usize, rng: &mut StdRng) -> Edit {
    match document.content() {
        Content::Text(text) => {
            let length = text.chars().count();
            let at = rng.random_range(0..=length);
            Edit::Splice {
                at,
                delete: rng.random_range(0..=(length - at).min(3)),
                insert: format!("{step}é"),
            }
        }
        Content::Comments(_) => Edit::Append(format!("comment {step}")),
        Content::Priorities(_) => {
            let job = format!("JOB-{}", rng.random_range(0..4));
            let rank = rng.random_bool(0.8).then(|| rng.random_range(0..9));
            Edit::Priorities([(job, rank)].into())
        }
    }
}

/// A change whose check sum is right again after its bytes were changed.
fn with_bytes(change: &DocumentChanged, bytes: &[u8]) -> DocumentChanged {
    DocumentChanged {
        change: STANDARD.encode(bytes),
        ..change.clone()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn replicas_that_edit_apart_end_with_equal_heads_and_lose_nothing(seed: u64, kind in 0..3_usize) {
        replicas_converge(DocumentKind::ALL[kind], seed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn mutated_changes_are_refused_or_harmless(
        kind in 0..3_usize,
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let kind = DocumentKind::ALL[kind];
        let (mut plant, _) = pair(kind);
        let mut rng = StdRng::seed_from_u64(1);
        let edit = random_edit(&plant.document, 1, &mut rng);
        let change = plant.edit(&edit, at(0));
        let mut bytes = STANDARD.decode(&change.change).unwrap();
        for (place, byte) in places {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let mut document = Document::new(key(kind));
        // What the bytes say is believed, so that more than the check of the hash is reached.
        for hash in [change.hash, refused_hash(&document, &with_bytes(&change, &bytes))] {
            let mutated = DocumentChanged { hash, ..with_bytes(&change, &bytes) };
            let before = document.heads();
            if document.apply(&mutated).is_err() {
                prop_assert_eq!(document.heads(), before);
            }
        }
        document.content();
    }

    #[test]
    fn damaged_documents_are_refused_or_read_whole(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
        noise in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let (mut plant, _) = pair(DocumentKind::HoldDiscussion);
        plant.edit(&Edit::Append("fine".to_owned()), at(0));
        let mut bytes = plant.document.save();
        for (place, byte) in places {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        for bytes in [bytes, noise] {
            if let Ok(document) = Document::load(key(DocumentKind::HoldDiscussion), &bytes) {
                document.content();
            }
        }
    }
}

/// The hash that the bytes really have, where they can be read at all.
fn refused_hash(document: &Document, change: &DocumentChanged) -> Hash {
    match document.clone().apply(change) {
        Err(ChangeRefused::OtherHash { found, .. }) => found,
        _ => change.hash,
    }
}

#[test]
fn what_an_earlier_version_saved_is_read_with_equal_content() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for kind in DocumentKind::ALL {
        let saved = std::fs::read(folder.join(format!("{kind}-1.automerge"))).unwrap();
        let expected = std::fs::read_to_string(folder.join(format!("{kind}-1.json"))).unwrap();
        let document = Document::load(key(kind), &saved).unwrap();
        let found = serde_json::json!({
            "heads": document.heads(),
            "content": document.content(),
            "conflicts": document.conflicts(),
            // Every replica of every version must begin with the same change.
            "begins": Document::new(key(kind)).heads(),
        });
        assert_eq!(
            found,
            serde_json::from_str::<serde_json::Value>(&expected).unwrap(),
            "{kind}"
        );
    }
}
