//! Every builder, filled with every enumeration value in turn, is valid by the schema and reads back equal;
//! every attribute of the corpus that has a typed field is read or counted.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::{Common, PdfPath, Ranges, Resource};
use crate::oracle;
use crate::{
    CostType, DeviceOperationMode, Document, Element, Limits, NodeStatus, ResourceStatus, Ticket,
    Usage, WorkType,
};

pub(crate) trait SampleValue {
    fn sample(turn: usize) -> Self;
}

/// An attribute and whether its text can be read.
pub(crate) type Check = (&'static str, fn(&str) -> bool);

pub(crate) trait Sample: Sized + Default + PartialEq + std::fmt::Debug {
    const NAME: &'static str;
    fn sample(turn: usize, depth: usize) -> Self;
    fn common(&mut self) -> &mut Common;
    fn element(&self) -> Element;
    fn read_back(resource: Resource<'_>) -> Self;
    fn attributes() -> &'static [Check];
}

macro_rules! samples {
    ($($kind:ty: $value:expr),+ $(,)?) => { $(
        impl SampleValue for $kind {
            fn sample(_: usize) -> Self {
                $value
            }
        }
    )+ };
}

samples! {
    String: "ABAB".to_owned(),
    f64: 0.5,
    PdfPath: PdfPath("0 0 m 10 0 l h".to_owned()),
    i64: 1,
    bool: true,
    Decimal: Decimal::new(125, 1),
    ResourceStatus: ResourceStatus::Available,
    Usage: Usage::Input,
    NodeStatus: NodeStatus::Waiting,
    CostType: CostType::Chargeable,
    DeviceOperationMode: DeviceOperationMode::Productive,
    WorkType: WorkType::Rework,
    Ranges: Ranges(vec![[0, 3], [7, 7]]),
    Timestamp: "2025-03-01T08:00:00Z".parse().unwrap(),
    SignedDuration: SignedDuration::from_mins(95),
}

impl<T: SampleValue> SampleValue for Vec<T> {
    fn sample(turn: usize) -> Self {
        vec![T::sample(turn)]
    }
}

impl<const N: usize> SampleValue for [f64; N] {
    fn sample(_: usize) -> Self {
        std::array::from_fn(|index| [0.5, 0.25, 1.0][index % 3])
    }
}

/// The longest enumeration has fewer values than this.
const TURNS: usize = 45;

fn ticket(pool: Vec<Element>) -> Vec<u8> {
    let audit = Element::new("AuditPool");
    Element::new("JDF")
        .with("xmlns", crate::name::JDF)
        .with("ID", "n1")
        .with("Type", "Product")
        .with("JobPartID", "P1")
        .with("Status", "Waiting")
        .with("Version", "1.5")
        .child(audit)
        .child(Element::new("ResourcePool").children(pool))
        .to_document()
}

fn with_id<S: Sample>(mut sample: S, number: usize) -> S {
    sample.common().id = Some(format!("r{number}"));
    sample
}

fn reads_back<S: Sample>(sample: &S, number: usize) {
    let bytes = ticket(vec![sample.element()]);
    let document = Document::parse(&bytes, &Limits::default()).unwrap();
    let resource = Ticket::of(&document)
        .unwrap()
        .resource(&format!("r{number}"))
        .unwrap();
    let back = S::read_back(resource);
    assert_eq!(back.element(), sample.element());
}

/// Calls a macro with all builders.
macro_rules! for_all {
    ($do:ident) => {
        $do!(
            NewMedia,
            NewInk,
            NewComponent,
            NewConventionalPrintingParams,
            NewDigitalPrintingParams,
            NewVarnishingParams,
            NewExposedMedia,
            NewInkZoneProfile,
            NewDevice,
            NewEmployee,
            NewFileSpec,
            NewLayoutElement,
            NewRunList,
            NewGlueLine,
            NewCuttingParams,
            NewCutBlock,
            NewShapeCuttingParams,
            NewDieLayout,
            NewShapeDef,
            NewBoxFoldingParams,
            NewGluingParams,
            NewLaminatingParams,
            NewEmbossingParams,
            NewFoldingParams,
            NewStitchingParams,
            NewStackingParams,
            NewPalletizingParams,
            NewStrippingParams,
            NewBinderySignature,
            NewLayout,
            NewColorantControl,
            NewColorPool,
            NewColor,
            NewColorSpaceConversionParams,
            NewColorCorrectionParams,
            NewPrintCondition,
            NewQualityControlParams,
            NewQualityControlResult,
            NewIdentificationField,
            NewNodeInfo,
            NewCustomerInfo,
            NewContact,
            NewCompany,
            NewAddress,
            NewComChannel,
            NewPerson,
        )
    };
}

#[test]
fn every_builder_writes_what_the_schema_allows() {
    use super::*;
    for turn in 0..TURNS {
        let mut pool = Vec::new();
        let mut number = 0;
        macro_rules! write {
            ($($new:ident),+ $(,)?) => { $(
                number += 1;
                pool.push(with_id($new::sample(turn, 1), number).element());
                number += 1;
                pool.push(with_id($new::default(), number).element());
            )+ };
        }
        for_all!(write);
        oracle::assert_valid(&ticket(pool));
    }
}

#[test]
fn every_builder_reads_back_equal_through_its_view() {
    use super::*;
    for turn in 0..TURNS {
        macro_rules! check {
            ($($new:ident),+ $(,)?) => { $(
                let full = with_id($new::sample(turn, 2), 1);
                reads_back(&full, 1);
                reads_back(&with_id($new::default(), 1), 1);
            )+ };
        }
        for_all!(check);
    }
}

/// All documents of the corpus that can be read, or none where it is not there.
fn corpus() -> Vec<Document> {
    let Some(root) = std::env::var_os("AGOG_JDF_CORPUS") else {
        eprintln!("AGOG_JDF_CORPUS is not set: the corpus is not visited");
        return Vec::new();
    };
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(root);
    let mut folders = vec![root.join("tickets")];
    let mut documents = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(document) =
                Document::parse(&std::fs::read(path).unwrap(), &Limits::default())
            {
                documents.push(document);
            }
        }
    }
    documents
}

/// What of the field's values has no place in its type: real dirt, such as text where a number is due.
const UNREADABLE_PER_THOUSAND_MAX: usize = 10;

#[test]
fn nearly_every_typed_attribute_of_the_corpus_is_read() {
    use super::*;
    let mut kinds: BTreeMap<&str, &[Check]> = BTreeMap::new();
    macro_rules! collect {
        ($($new:ident),+ $(,)?) => { $( kinds.insert($new::NAME, $new::attributes()); )+ };
    }
    for_all!(collect);
    let (mut visited, mut read, mut unreadable) = (0, 0, Vec::new());
    for document in &corpus() {
        for element in document.root().descendants() {
            let Some(attributes) = kinds.get(element.local_name()) else {
                continue;
            };
            visited += 1;
            for (name, is_readable) in *attributes {
                match element
                    .attribute(name)
                    .map(|text| (text, is_readable(text)))
                {
                    None => {}
                    Some((_, true)) => read += 1,
                    Some((text, false)) => {
                        unreadable.push(format!("{}/@{name} {text}", element.local_name()));
                    }
                }
            }
        }
    }
    let count = unreadable.len();
    unreadable.sort();
    unreadable.dedup();
    eprintln!("{visited} elements, {read} values read, {count} not: {unreadable:#?}");
    assert!(count * 1000 <= (read + count) * UNREADABLE_PER_THOUSAND_MAX);
}
