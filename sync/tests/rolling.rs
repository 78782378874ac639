//! Documents that roll over: every replica begins the next generation alike, and what was added to the one before by
//! people who did not know is in the next, once.

#[path = "shared/papers.rs"]
mod papers;

use std::collections::{BTreeMap, BTreeSet};

use DocumentKind::{HoldDiscussion, JobNote, SchedulePriority};
use agog_sync::chain::Hash;
use agog_sync::document::repair::{Digests, DocumentHeads};
use agog_sync::document::{
    Applied, Author, Carry, Content, Document, DocumentChanged, DocumentKey, DocumentKind,
    DocumentRolled, Edit, OPENING_BYTES_MAX, Ranked, Role, RollRefused,
};
use agog_sync::event::Event;
use jiff::{SignedDuration, Timestamp};
use papers::{at, author, key, ranks};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// What the feed tells of a document.
#[derive(Debug, Clone)]
enum Told {
    Changed(DocumentChanged),
    Rolled(DocumentRolled),
}

/// Its generations at the hub, what is carried of each, and the feed.
struct Hub {
    generations: Vec<Document>,
    carried: Vec<(Vec<Hash>, Vec<Hash>)>,
    feed: Vec<Told>,
    /// Ranks that lost to others in a generation that is closed.
    lost: BTreeSet<Ranked>,
    /// The change that another one carries, in the end.
    origins: BTreeMap<Hash, Hash>,
    rng: StdRng,
}

impl Hub {
    fn new(kind: DocumentKind, seed: u64) -> Self {
        Self {
            generations: vec![Document::new(key(kind))],
            carried: Vec::new(),
            feed: Vec::new(),
            lost: BTreeSet::new(),
            origins: BTreeMap::new(),
            rng: StdRng::seed_from_u64(seed),
        }
    }

    fn origin(&self, hash: Hash) -> Hash {
        self.origins.get(&hash).copied().unwrap_or(hash)
    }

    fn document(&mut self) -> &mut Document {
        self.generations.last_mut().unwrap()
    }

    fn takes(&mut self, changed: &DocumentChanged) {
        let n = usize::try_from(changed.generation).unwrap() - 1;
        let Applied::New(merge) = self.generations[n].apply(changed).unwrap() else {
            return;
        };
        if n + 1 == self.generations.len() {
            self.feed.push(Told::Changed(changed.clone()));
            return;
        }
        let losers = merge.conflicts.into_iter().flat_map(|one| one.losers);
        self.lost.extend(losers);
        // The same change comes again with the next call: it is carried then, and once.
        let (carried, line) = self.carried[n].clone();
        let earlier = (&self.generations[n], &carried[..]);
        let next = (&self.generations[n + 1], &line[..]);
        let mut carry = Carry::new(earlier, next, self.rng.random()).unwrap();
        let made = carry.change(changed, at(0)).unwrap();
        assert_eq!(carry.carried(), self.generations[n].heads());
        assert_eq!(carry.change(changed, at(0)).unwrap(), vec![]);
        self.carried[n] = (carry.carried(), carry.line());
        for made in made {
            let origin = self.origin(changed.hash);
            self.origins.insert(made.hash, origin);
            self.takes(&made);
        }
    }

    fn rolls(&mut self) -> DocumentRolled {
        let before = self.document().clone();
        let losers = before.conflicts().into_iter().flat_map(|one| one.losers);
        self.lost.extend(losers);
        let rolled = before.roll();
        let opened = Document::opened(&rolled).unwrap();
        assert_eq!(opened.content(), before.content());
        assert_eq!(opened.changes(), before.changes());
        self.carried.push((before.heads(), opened.heads()));
        self.generations.push(opened);
        self.feed.push(Told::Rolled(rolled.clone()));
        rolled
    }
}

/// A plant, which hears of the feed later, and whose changes go up later.
struct Plant {
    document: Document,
    actor: [u8; 16],
    who: Author,
    outbox: Vec<DocumentChanged>,
    heard: usize,
}

impl Plant {
    fn new(kind: DocumentKind, n: u8, role: Role) -> Self {
        Self {
            document: Document::new(key(kind)),
            actor: [n; 16],
            who: author(&format!("person {n}"), role),
            outbox: Vec::new(),
            heard: 0,
        }
    }

    fn edits(&mut self, edit: &Edit, now: Timestamp) -> Option<DocumentChanged> {
        let made = self.document.edit(&self.actor, &self.who, edit, now);
        let made = made.unwrap()?;
        self.outbox.push(made.clone());
        Some(made)
    }

    fn hears(&mut self, hub: &Hub) -> Option<Told> {
        let told = hub.feed.get(self.heard)?.clone();
        self.heard += 1;
        match &told {
            Told::Changed(changed) => {
                let applied = self.document.apply(changed).unwrap();
                assert!(!matches!(applied, Applied::Waits { .. }));
            }
            Told::Rolled(rolled) => self.document = Document::opened(rolled).unwrap(),
        }
        Some(told)
    }

    fn sends(&mut self, hub: &mut Hub) {
        for changed in std::mem::take(&mut self.outbox) {
            hub.takes(&changed);
        }
    }

    /// All that is on its way arrives.
    fn meets(&mut self, hub: &mut Hub) {
        self.sends(hub);
        while self.hears(hub).is_some() {}
        assert_eq!(self.document.heads(), hub.document().heads());
    }
}

#[test]
fn a_note_goes_on_in_the_next_generation_and_a_late_edit_finds_its_place_there() {
    let mut hub = Hub::new(JobNote, 1);
    let mut ham = Plant::new(JobNote, 1, Role::Operator);
    let mut mun = Plant::new(JobNote, 2, Role::ShiftLead);
    ham.edits(&Edit::Text("Ink is low. Check it.".to_owned()), at(0));
    ham.meets(&mut hub);
    mun.meets(&mut hub);
    // One plant is away while the document rolls over and the other goes on.
    ham.edits(&Edit::Text("Cyan ink is low. Check it.".to_owned()), at(1));
    ham.edits(
        &Edit::Text("Cyan ink is low. Check it twice.".to_owned()),
        at(2),
    );
    hub.rolls();
    mun.meets(&mut hub);
    assert_eq!((mun.document.generation(), mun.document.changes()), (2, 1));
    mun.edits(&Edit::Text("Ink is very low. Check it.".to_owned()), at(3));
    mun.meets(&mut hub);
    ham.meets(&mut hub);
    mun.meets(&mut hub);
    let expected = Content::Text("Cyan ink is very low. Check it twice.".to_owned());
    assert_eq!(ham.document.content(), expected);
    assert_eq!(mun.document.content(), expected);
    assert_eq!(hub.document().changes(), 4);
    let carried: Vec<_> = hub
        .feed
        .iter()
        .filter_map(|told| match told {
            Told::Changed(changed) if changed.carries.is_some() => Some(&changed.author),
            _ => None,
        })
        .collect();
    assert_eq!(carried, [&ham.who, &ham.who]);
}

#[test]
fn a_rank_that_came_late_meets_those_of_the_next_generation_by_the_usual_rule() {
    let mut hub = Hub::new(SchedulePriority, 1);
    let mut ham = Plant::new(SchedulePriority, 1, Role::ShiftLead);
    let mut mun = Plant::new(SchedulePriority, 2, Role::Operator);
    let begin = ranks([
        ("A", Some(1)),
        ("B", Some(2)),
        ("C", Some(3)),
        ("D", Some(4)),
    ]);
    mun.edits(&begin, at(0));
    mun.edits(&ranks([("D", None)]), at(1));
    mun.meets(&mut hub);
    ham.meets(&mut hub);
    ham.edits(&ranks([("A", Some(9)), ("B", None), ("D", Some(7))]), at(2));
    hub.rolls();
    mun.meets(&mut hub);
    mun.edits(&ranks([("A", Some(5)), ("C", Some(6))]), at(3));
    mun.meets(&mut hub);
    ham.meets(&mut hub);
    mun.meets(&mut hub);
    let Content::Priorities(order) = mun.document.content() else {
        panic!("priorities");
    };
    let order: Vec<_> = order
        .iter()
        .map(|one| (one.job.as_str(), one.rank, one.at))
        .collect();
    // The shift lead's ranks stand, with their own time; the operator's stays visible beside it.
    assert_eq!(order, [("C", 6, at(3)), ("D", 7, at(2)), ("A", 9, at(2))]);
    let conflicts = mun.document.conflicts();
    assert_eq!(conflicts.len(), 1);
    assert_eq!(conflicts[0].losers[0].rank, Some(5));
}

#[test]
fn what_would_begin_a_generation_is_refused_when_it_is_no_roll_of_its_document() {
    let mut hub = Hub::new(HoldDiscussion, 1);
    let mut ham = Plant::new(HoldDiscussion, 1, Role::Operator);
    ham.edits(&Edit::Append("moist".to_owned()), at(0));
    ham.meets(&mut hub);
    let good = hub.document().roll();
    let refused = |rolled: DocumentRolled| Document::opened(&rolled).unwrap_err().code();
    let content = Content::Text(String::new());
    assert_eq!(
        refused(DocumentRolled {
            content,
            ..good.clone()
        }),
        "opening-misfit"
    );
    assert_eq!(
        refused(DocumentRolled {
            generation: 1,
            ..good.clone()
        }),
        "bad-generation"
    );
    let document = DocumentKey::new(HoldDiscussion, "nothing");
    assert_eq!(
        refused(DocumentRolled {
            document,
            ..good.clone()
        }),
        "bad-document-id"
    );
    let note = Document::new(key(JobNote)).roll();
    let text = "x".repeat(OPENING_BYTES_MAX);
    let large = DocumentRolled {
        content: Content::Text(text),
        ..note
    };
    assert_eq!(Document::opened(&large).unwrap_err(), RollRefused::TooLarge);
}

#[test]
fn changes_of_another_generation_wait_for_it_or_are_left_to_the_hub() {
    let mut hub = Hub::new(HoldDiscussion, 1);
    let mut ham = Plant::new(HoldDiscussion, 1, Role::Operator);
    let mut mun = Plant::new(HoldDiscussion, 2, Role::Operator);
    let first = ham.edits(&Edit::Append("one".to_owned()), at(0)).unwrap();
    ham.meets(&mut hub);
    hub.rolls();
    ham.meets(&mut hub);
    let second = ham.edits(&Edit::Append("two".to_owned()), at(1)).unwrap();
    let waits = mun.document.apply(&second).unwrap();
    assert!(matches!(waits, Applied::Waits { .. }), "{waits:?}");
    assert_eq!(ham.document.apply(&first), Ok(Applied::Earlier));
    assert_eq!(second.generation, 2);
    let none = DocumentChanged {
        generation: 0,
        ..first
    };
    assert_eq!(
        ham.document.apply(&none).unwrap_err().code(),
        "change-not-allowed"
    );
}

/// A program that knows of no generations reads the first one as ever, and nothing of a later one as if it were of the
/// first.
#[test]
fn events_of_the_first_generation_are_written_as_before_and_later_ones_are_of_a_newer_version() {
    let mut hub = Hub::new(HoldDiscussion, 1);
    let mut ham = Plant::new(HoldDiscussion, 1, Role::Operator);
    let first = ham.edits(&Edit::Append("one".to_owned()), at(0)).unwrap();
    ham.meets(&mut hub);
    let rolled = hub.rolls();
    ham.meets(&mut hub);
    let second = ham.edits(&Edit::Append("two".to_owned()), at(1)).unwrap();
    let events = [
        Event::Document(Box::new(first)),
        Event::Rolled(Box::new(rolled)),
        Event::Document(Box::new(second)),
    ];
    let forms = events
        .each_ref()
        .map(|event| (event.kind(), event.version()));
    assert_eq!(
        forms,
        [
            ("document.changed", 1),
            ("document.rolled", 1),
            ("document.changed", 2)
        ]
    );
    assert!(!events[0].payload().get().contains("generation"));
    for event in events {
        let read = Event::decode(event.kind(), event.version(), event.payload().get());
        assert_eq!(read.unwrap(), event);
    }
}

#[test]
fn digests_of_the_first_generation_are_those_of_before_and_tell_a_later_one_apart() {
    let heads = vec![Hash::from_bytes([7; 32])];
    let of = |generation| DocumentHeads {
        document: key(HoldDiscussion),
        heads: heads.clone(),
        generation,
    };
    let digest = |generation| Digests::of([&of(generation)]).digest();
    assert_ne!(digest(1), digest(2));
    let json = serde_json::to_value(of(1)).unwrap();
    assert_eq!(json.get("generation"), None);
    assert_eq!(
        serde_json::from_value::<DocumentHeads>(json).unwrap(),
        of(1)
    );
}

#[test]
fn a_second_generation_that_an_earlier_version_saved_is_read_and_begins_with_equal_heads() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for kind in DocumentKind::ALL {
        let saved = std::fs::read(folder.join(format!("{kind}-2.automerge"))).unwrap();
        let expected = std::fs::read_to_string(folder.join(format!("{kind}-2.json"))).unwrap();
        let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
        let document = Document::load(key(kind), &saved).unwrap();
        let rolled: DocumentRolled = serde_json::from_value(expected["rolled"].clone()).unwrap();
        let change: DocumentChanged = serde_json::from_value(expected["change"].clone()).unwrap();
        assert_eq!(document.clone().apply(&change), Ok(Applied::Known));
        let found = serde_json::json!({
            "rolled": rolled,
            "change": change,
            "begins": Document::opened(&rolled).unwrap().heads(),
            "heads": document.heads(),
            "content": document.content(),
            "conflicts": document.conflicts(),
            "generation": document.generation(),
            "changes": document.changes(),
        });
        assert_eq!(found, expected, "{kind}");
    }
}

/// What was said, by whoever said it, and what each replica had seen when it did.
#[derive(Default)]
struct Record {
    comments: Vec<String>,
    typed: BTreeSet<char>,
    taken_out: BTreeSet<char>,
    /// By the hash of the change that said it first: the job, what was said, and the changes that its author had seen.
    ranks: BTreeMap<Hash, (String, Ranked, BTreeSet<Hash>)>,
}

impl Record {
    /// The ranks of a job that nobody has set again who had seen them.
    fn standing(&self, job: &str) -> Vec<&Ranked> {
        let of_job = || self.ranks.iter().filter(|(_, (set, ..))| set == job);
        of_job()
            .filter(|(hash, _)| !of_job().any(|(_, (_, _, seen))| seen.contains(hash)))
            .map(|(_, (_, said, _))| said)
            .collect()
    }
}

fn random_edit(document: &Document, step: u32, record: &mut Record, rng: &mut StdRng) -> Edit {
    match document.content() {
        Content::Text(text) => {
            let chars: Vec<char> = text.chars().collect();
            let place = rng.random_range(0..=chars.len());
            let delete = rng.random_range(0..=(chars.len() - place).min(4));
            let new = (0..rng.random_range(u32::from(delete == 0)..4))
                .map(|n| char::from_u32(0x4e00 + 4 * step + n).unwrap());
            let insert: String = new.collect();
            record.taken_out.extend(&chars[place..place + delete]);
            record.typed.extend(insert.chars());
            Edit::Splice {
                at: place,
                delete,
                insert,
            }
        }
        Content::Comments(_) => {
            record.comments.push(format!("comment {step}"));
            Edit::Append(format!("comment {step}"))
        }
        Content::Priorities(_) => {
            let job = format!("JOB-{}", rng.random_range(0..4));
            let rank = rng.random_bool(0.8).then(|| rng.random_range(0..9));
            Edit::Priorities([(job, rank)].into())
        }
    }
}

/// Plants edit at random, hear and deliver late, and the hub rolls over in between.
fn replicas_agree_around_rolls(kind: DocumentKind, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut hub = Hub::new(kind, !seed);
    let roles = [
        Role::Operator,
        Role::ShiftLead,
        Role::Planner,
        Role::Operator,
    ];
    let mut plants: Vec<_> = (1..)
        .zip(roles)
        .map(|(n, role)| Plant::new(kind, n, role))
        .collect();
    let mut known_to: Vec<BTreeSet<Hash>> = vec![BTreeSet::new(); plants.len()];
    let mut known_at_roll: BTreeMap<u32, BTreeSet<Hash>> = BTreeMap::new();
    let mut record = Record::default();
    let mut now = at(0);
    for step in 0..60 {
        let n = rng.random_range(0..plants.len());
        match rng.random_range(0..100) {
            0..45 => {
                now += SignedDuration::from_secs(rng.random_range(1..5));
                let edit = random_edit(&plants[n].document, step, &mut record, &mut rng);
                let Some(made) = plants[n].edits(&edit, now) else {
                    continue;
                };
                if let Edit::Priorities(set) = edit {
                    let (job, rank) = set.into_iter().next().unwrap();
                    let said = Ranked {
                        role: made.author.role,
                        at: now,
                        by: made.author.name.clone(),
                        rank,
                    };
                    record
                        .ranks
                        .insert(made.hash, (job, said, known_to[n].clone()));
                }
                known_to[n].insert(made.hash);
            }
            45..60 => plants[n].sends(&mut hub),
            60..90 => {
                for _ in 0..rng.random_range(1..6) {
                    match plants[n].hears(&hub) {
                        Some(Told::Changed(changed)) => {
                            known_to[n].insert(hub.origin(changed.hash));
                        }
                        Some(Told::Rolled(rolled)) => {
                            known_to[n].clone_from(&known_at_roll[&rolled.generation]);
                        }
                        None => break,
                    }
                }
            }
            90..94 => {
                let rolled = hub.rolls();
                let mut known = BTreeSet::new();
                for told in &hub.feed {
                    if let Told::Changed(changed) = told {
                        known.insert(hub.origin(changed.hash));
                    }
                }
                known_at_roll.insert(rolled.generation, known);
            }
            _ => {
                // A restart: what is saved is read back, and the actor is a new one.
                let saved = plants[n].document.save();
                plants[n].document = Document::load(key(kind), &saved).unwrap();
                plants[n].actor = rng.random();
                for document in &mut hub.generations {
                    *document = Document::load(key(kind), &document.save()).unwrap();
                }
            }
        }
    }
    for plant in &mut plants {
        plant.sends(&mut hub);
    }
    for plant in &mut plants {
        plant.meets(&mut hub);
        assert_eq!(plant.document.content(), hub.document().content());
        assert_eq!(plant.document.conflicts(), hub.document().conflicts());
        assert_eq!(plant.document.generation(), hub.document().generation());
        assert_eq!(plant.document.changes(), hub.document().changes());
    }
    match hub.document().content() {
        Content::Text(text) => {
            let mut found: Vec<_> = text.chars().collect();
            found.sort_unstable();
            let expected: Vec<_> = record
                .typed
                .difference(&record.taken_out)
                .copied()
                .collect();
            assert_eq!(found, expected, "seed {seed}: text is lost or comes twice");
        }
        Content::Comments(comments) => {
            let mut found: Vec<_> = comments.into_iter().map(|comment| comment.text).collect();
            found.sort();
            record.comments.sort();
            assert_eq!(
                found, record.comments,
                "seed {seed}: a comment is lost or comes twice"
            );
        }
        Content::Priorities(order) => {
            for n in 0..4 {
                let job = format!("JOB-{n}");
                let standing = record.standing(&job);
                let Some(strongest) = standing
                    .iter()
                    .filter(|said| !hub.lost.contains(*said))
                    .max()
                else {
                    continue;
                };
                let found = order.iter().find(|one| one.job == job);
                let Some(found) = found else {
                    // Whoever took it out of the order is at least as strong.
                    let out = standing.iter().any(|said| said.rank.is_none());
                    assert!(
                        out || hub.lost.iter().any(|said| said.rank.is_none()),
                        "seed {seed}: {job} is lost"
                    );
                    continue;
                };
                let found = Ranked {
                    role: found.role,
                    at: found.at,
                    by: found.by.clone(),
                    rank: Some(found.rank),
                };
                assert!(
                    found >= **strongest,
                    "seed {seed}: {job} is {found:?}, not {strongest:?}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(8) })]

    #[test]
    fn replicas_agree_around_rolls_and_lose_nothing(seed: u64, kind in 0..3_usize) {
        replicas_agree_around_rolls(DocumentKind::ALL[kind], seed);
    }
}
