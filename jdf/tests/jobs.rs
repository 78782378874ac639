//! Job descriptions become tickets that the schema accepts and that read back as they were meant.

mod support;

use agog_jdf::build::{Layer, Media, MediaKind, SpotColour, StepKind};
use agog_jdf::{Document, JobDescription, JobKind, Limits, NodeKind, Ticket, Usage, samples};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

fn sample(kind: JobKind) -> JobDescription {
    let sample = samples().iter().find(|sample| sample.kind == kind).unwrap();
    serde_json::from_str(sample.json).unwrap()
}

fn ticket_of(job: &JobDescription) -> Document {
    let created = "2025-03-01T08:00:00Z".parse().unwrap();
    let bytes = job.to_ticket(created).unwrap();
    assert_eq!(bytes, job.to_ticket(created).unwrap());
    support::assert_valid(&bytes);
    Document::parse(&bytes, &Limits::default()).unwrap()
}

/// The sample without anything that may be left out.
fn minimal(kind: JobKind) -> JobDescription {
    let mut job = sample(kind);
    job.name = None;
    job.customer = None;
    job.due = None;
    job.print_condition = None;
    job.spot_colours.clear();
    job.overs_percent = 0;
    job.gang_name = None;
    job.steps.retain(|step| step.kind != StepKind::Plates);
    for step in &mut job.steps {
        step.device = None;
        step.inline = false;
        step.start = None;
        step.end = None;
        step.setup_waste = 0;
        step.run_waste_permille = 0;
        step.box_type = None;
    }
    for sheet in &mut job.sheets {
        sheet.front.clear();
        sheet.back.clear();
        sheet.media.layers.clear();
        sheet.media.grammage = None;
    }
    for product in &mut job.products {
        product.article = None;
        product.artwork = None;
        product.cad_file = None;
        product.blank_size = None;
    }
    job
}

/// Part, device and amounts of every executable node.
fn runs(document: &Document) -> Vec<String> {
    let ticket = Ticket::of(document).unwrap();
    let nodes = ticket.executable_nodes().unwrap();
    let run = |node: &agog_jdf::JdfNode<'_>| {
        let amount = |amount: Option<rust_decimal::Decimal>| {
            amount.map_or_else(|| "-".to_owned(), |amount| amount.to_string())
        };
        format!(
            "{} [{}] {}: {} -> {}",
            node.job_part_id().unwrap(),
            node.types().join(" "),
            node.device_id(&ticket).unwrap_or("-"),
            amount(node.input_amount(&ticket)),
            amount(node.output_amount(&ticket)),
        )
    };
    nodes.iter().map(run).collect()
}

/// Every link names a resource of its kind, and what goes into a node came out of an earlier one.
fn assert_linked(document: &Document) {
    let ticket = Ticket::of(document).unwrap();
    let mut made: Vec<&str> = Vec::new();
    for node in ticket
        .nodes()
        .filter(|node| node.kind() != NodeKind::Product)
    {
        for link in node.links() {
            let resource = ticket.by_id(link.rref()).unwrap();
            assert_eq!(resource.local_name(), link.resource_name());
            if link.usage() == Some(Usage::Input) && link.resource_name() == "Component" {
                assert!(
                    made.contains(&link.rref()),
                    "{} is used before it is made",
                    link.rref()
                );
            }
        }
        made.extend(node.outputs().map(agog_jdf::ResourceLink::rref));
    }
    assert!(made.contains(&"r_Final"));
}

#[test]
fn every_sample_is_valid_linked_and_small_enough_to_read() {
    for kind in JobKind::ALL {
        let document = ticket_of(&sample(kind));
        assert_linked(&document);
        insta::assert_snapshot!(
            format!("runs_{}", kind.as_str()),
            runs(&document).join("\n")
        );
    }
}

#[test]
fn the_smallest_description_of_each_kind_is_enough() {
    for kind in JobKind::ALL {
        let document = ticket_of(&minimal(kind));
        assert_linked(&document);
        let text = String::from_utf8(document.to_bytes()).unwrap();
        insta::assert_snapshot!(
            format!("minimal_{}", kind.as_str()),
            text.replace(env!("CARGO_PKG_VERSION"), "0.0.0")
                .replace("><", ">\n<")
        );
    }
}

#[test]
fn plates_are_parts_of_sheet_side_and_colour() {
    let document = ticket_of(&sample(JobKind::Brochure));
    let ticket = Ticket::of(&document).unwrap();
    let leaves = ticket.resource("r_Plates").unwrap().leaves();
    assert_eq!(leaves.len(), 16);
}

#[test]
fn a_gang_makes_as_many_sheets_as_its_hungriest_product_needs() {
    let document = ticket_of(&sample(JobKind::GangSheet));
    let ticket = Ticket::of(&document).unwrap();
    let cut = ticket.node_by_part("Cut").unwrap();
    let output = cut.main_output(&ticket).unwrap();
    let amounts = output.amounts(&mut Vec::new());
    let of_part: Vec<_> = amounts
        .parts
        .iter()
        .map(|part| {
            (
                part.part["BlockName"].as_str(),
                part.amount.unwrap().to_string(),
            )
        })
        .collect();
    // 306 post cards, two on a sheet: 153 sheets; 1,020 and 510 cards would be done with 128.
    assert_eq!(
        of_part,
        [
            ("Block1", "1224".to_owned()),
            ("Block2", "612".to_owned()),
            ("Block3", "306".to_owned())
        ]
    );
}

#[test]
fn litho_lamination_prints_paper_and_laminates_it_to_board() {
    let mut job = sample(JobKind::CorrugatedBox);
    let board = job.sheets[0].media.clone();
    job.sheets[0].media = Media {
        kind: MediaKind::Paper,
        name: "Liner".to_owned(),
        layers: Vec::new(),
        flute: None,
        ..board.clone()
    };
    let mut laminate = job.steps[0].clone();
    laminate.kind = StepKind::Laminate;
    laminate.method = None;
    laminate.media = Some(board);
    job.steps[1].inline = false;
    job.steps.insert(1, laminate);
    let document = ticket_of(&job);
    assert_linked(&document);
    assert!(runs(&document)[1].starts_with("Laminate [Laminating] flexo-1"));
}

#[test]
fn every_problem_is_told_with_its_field() {
    let mut job = sample(JobKind::FoldingCarton);
    job.job_id = " ".to_owned();
    job.products[0].quantity = 0;
    job.products[0].artwork = Some("ftp://old".to_owned());
    job.sheets[0].media.grammage = Some(f64::NAN);
    job.sheets[0].front.push("Gold".to_owned());
    job.die = None;
    job.steps[1].fold = Some("F4-1".to_owned());
    insta::assert_snapshot!(
        "problems",
        job.check().unwrap_err().to_string().replace("; ", "\n")
    );
}

#[test]
fn a_spot_colour_has_a_name_of_its_own() {
    let mut job = sample(JobKind::FoldingCarton);
    let gold = SpotColour {
        name: "Gold".to_owned(),
        lab: None,
        cmyk: None,
    };
    let cyan = SpotColour {
        name: "Cyan".to_owned(),
        ..gold.clone()
    };
    job.spot_colours = vec![gold.clone(), cyan, gold];
    job.sheets[0].front = vec!["Cyan".to_owned()];
    let problems = job.check().unwrap_err().problems;
    let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "spot_colours[1].name: `Cyan` is a process colour, expected another name",
            "spot_colours[2].name: `Gold` is there twice",
        ]
    );
}

#[test]
fn of_a_side_with_more_colours_than_any_press_has_units_only_the_first_are_looked_at() {
    let mut job = sample(JobKind::FoldingCarton);
    job.sheets[0].front = vec!["Cyan".to_owned(); 100_000];
    let problems = job.check().unwrap_err().problems;
    assert_eq!(
        problems.len(),
        32,
        "there are too many, and 31 are there twice"
    );
    assert!(problems[0].message.contains("100000"), "{}", problems[0]);
}

#[test]
fn unknown_fields_are_refused_and_toml_is_read_like_json() {
    let json = samples()[2].json;
    let job: JobDescription = serde_json::from_str(json).unwrap();
    let toml: JobDescription = toml::from_str(&toml::to_string(&job).unwrap()).unwrap();
    assert_eq!(job, toml);
    let odd = json.replacen("\"job_id\"", "\"colour\": 1, \"job_id\"", 1);
    assert!(serde_json::from_str::<JobDescription>(&odd).is_err());
}

/// How many random descriptions are tried, and how many of them at least must pass the check.
const DESCRIPTIONS: usize = 300;
const ACCEPTED_MIN: usize = 200;

/// Samples with random names, sizes, amounts and arrangements of passes.
fn description() -> impl Strategy<Value = JobDescription> {
    (
        (
            0_usize..6,
            any::<bool>(),
            "\\PC{1,40}",
            1_u64..=1_000_000_000,
        ),
        (1.0_f64..5000.0, 1.0_f64..5000.0),
        prop::collection::vec((0_u64..100_000, 0_u32..=500, any::<bool>()), 8),
        (0_usize..4, prop::option::of(1.0_f64..9000.0), any::<bool>()),
    )
        .prop_map(
            |(
                (kind, small, name, quantity),
                (width, height),
                waste,
                (layers, thickness, twice),
            )| {
                let kind = JobKind::ALL[kind];
                let mut job = if small { minimal(kind) } else { sample(kind) };
                let name = format!("J{}", name.trim());
                job.job_id.clone_from(&name);
                job.products[0].name.clone_from(&name);
                job.products[0].quantity = quantity;
                job.products[0].finished_size.width = width;
                job.products[0].finished_size.height = height;
                job.sheets[0].media.thickness = thickness;
                job.sheets[0].size.width = width;
                let layer = Layer {
                    kind: MediaKind::Other,
                    name,
                    grammage: thickness,
                    thickness: None,
                };
                job.sheets[0].media.layers = vec![layer; layers];
                let varnish = job
                    .steps
                    .iter()
                    .position(|step| step.kind == StepKind::Varnish);
                if let Some(varnish) = varnish.filter(|_| twice) {
                    let again = job.steps[varnish].clone();
                    job.steps.insert(varnish, again);
                }
                for number in 0..job.steps.len() {
                    let (setup, permille, inline) = waste[number % waste.len()];
                    let device = number
                        .checked_sub(1)
                        .map(|before| job.steps[before].device.clone());
                    let is_alone = |number: usize| job.steps[number].kind == StepKind::Plates;
                    let inline = inline && number > 0 && !is_alone(number) && !is_alone(number - 1);
                    let step = &mut job.steps[number];
                    step.setup_waste = setup;
                    step.run_waste_permille = permille;
                    step.inline = inline;
                    if let Some(device) = device.filter(|_| inline) {
                        step.device = device;
                    }
                }
                job
            },
        )
}

#[test]
fn what_passes_the_check_is_valid() {
    let mut runner = TestRunner::deterministic();
    let created = "2025-03-01T08:00:00Z".parse().unwrap();
    let mut accepted = Vec::new();
    let mut problems = Vec::new();
    for _ in 0..DESCRIPTIONS {
        let job = description().new_tree(&mut runner).unwrap().current();
        match job.to_ticket(created) {
            Ok(ticket) => {
                assert_linked(&Document::parse(&ticket, &Limits::default()).unwrap());
                accepted.push(ticket);
            }
            Err(problem) => problems.push(problem.to_string()),
        }
    }
    assert!(
        accepted.len() >= ACCEPTED_MIN,
        "{} of {DESCRIPTIONS} passed the check; the others: {problems:#?}",
        accepted.len()
    );
    support::assert_all_valid(&accepted);
}
