//! The official XSD, read with the crate's own reader: what it says about each element name.

use agog_jdf::schema::{DataType, Version};
use agog_jdf::{Document, ElementRef, Limits};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const FILES: [&str; 7] = [
    "JDFCapability.xsd",
    "JDFCore.xsd",
    "JDFMessage.xsd",
    "JDFProcess.xsd",
    "JDFResource.xsd",
    "JDFResourceElements.xsd",
    "JDFTypes.xsd",
];

/// One attribute in one type.
pub(crate) struct Stated<'d> {
    declaration: ElementRef<'d>,
    pub(crate) type_name: String,
    pub(crate) required: bool,
    pub(crate) first: Option<Version>,
    pub(crate) last: Option<Version>,
}

/// The attributes of one type.
pub(crate) type Attributes<'d> = BTreeMap<&'d str, Stated<'d>>;

pub(crate) struct Oracle {
    documents: Vec<Document>,
}

/// What is reached by name in the schema.
pub(crate) struct Index<'d> {
    named: BTreeMap<(&'static str, &'d str), ElementRef<'d>>,
    /// Per element name, the declarations that have it.
    declared: BTreeMap<&'d str, Vec<ElementRef<'d>>>,
}

/// What the schema says about a process.
#[derive(Default)]
pub(crate) struct Process<'d> {
    pub(crate) ports: BTreeMap<(&'d str, &'d str, Option<&'d str>), (bool, bool)>,
    pub(crate) life: (Option<Version>, Option<Version>),
}

impl Oracle {
    pub(crate) fn read(folder: &Path) -> Self {
        let documents = FILES.iter().map(|name| {
            let bytes = std::fs::read(folder.join(name)).unwrap();
            Document::parse(&bytes, &Limits::default()).unwrap()
        });
        Self {
            documents: documents.collect(),
        }
    }

    pub(crate) fn index(&self) -> Index<'_> {
        let mut index = Index {
            named: BTreeMap::new(),
            declared: BTreeMap::new(),
        };
        for document in &self.documents {
            for element in document.root().children() {
                let kind = match element.local_name() {
                    "complexType" => "complexType",
                    "simpleType" => "simpleType",
                    "attributeGroup" => "attributeGroup",
                    _ => continue,
                };
                index
                    .named
                    .insert((kind, element.attribute("name").unwrap()), element);
            }
            for element in document.root().descendants() {
                if element.local_name() == "element"
                    && let Some(name) = element.attribute("name")
                {
                    index.declared.entry(name).or_default().push(element);
                }
            }
        }
        index
    }
}

impl<'d> Index<'d> {
    pub(crate) fn element_names(&self) -> impl Iterator<Item = &'d str> {
        self.declared.keys().copied()
    }

    /// The attributes in every use of the element, without the relaxed types of partitions.
    pub(crate) fn uses(&self, name: &str) -> Vec<Attributes<'d>> {
        let declarations = self
            .declared
            .get(name)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mut types: Vec<ElementRef<'d>> = Vec::new();
        for declaration in declarations {
            let Some(reference) = declaration.attribute("type") else {
                types.extend(part(*declaration, "complexType"));
                continue;
            };
            let found = self.named.get(&("complexType", local(reference))).copied();
            types.extend(
                found.filter(|_| !reference.ends_with("_rp") && !reference.ends_with("_up")),
            );
        }
        let is_resource =
            |of: &ElementRef<'_>| of.attribute("name").is_some_and(|n| n.ends_with("_r"));
        if types.iter().any(is_resource) {
            types.retain(is_resource);
        }
        let mut seen = BTreeSet::new();
        types.retain(|of| seen.insert(place(*of)));
        types.into_iter().map(|of| self.attributes(of)).collect()
    }

    /// Of each input and output of a process, by usage, resource and process usage: whether it is required, and
    /// whether there may be several. With the first and last version of the process.
    pub(crate) fn process(&self, name: &str) -> Option<Process<'d>> {
        let of = self.named.get(&("complexType", name))?;
        let information = part(*of, "annotation").and_then(|note| part(note, "appinfo"))?;
        let mut process = Process::default();
        for entry in information.children() {
            let get = |name: &str| entry.attribute(name);
            if entry.local_name() == "Version" && get("Path") == Some(".") {
                process.life = (
                    get("First").and_then(Version::parse),
                    get("Last").and_then(Version::parse),
                );
            }
            let link = get("Path")
                .and_then(|path| path.strip_prefix("ResourceLinkPool/")?.strip_suffix("Link"));
            if let ("Constraint", Some(resource), Some(usage)) =
                (entry.local_name(), link, get("Usage"))
            {
                let count = (get("minOccurs") != Some("0"), get("maxOccurs") != Some("1"));
                process
                    .ports
                    .insert((usage, resource, get("ProcessUsage")), count);
            }
        }
        Some(process)
    }

    /// First and last version of the element itself.
    pub(crate) fn life(&self, name: &str) -> (Option<Version>, Option<Version>) {
        let declarations = self
            .declared
            .get(name)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mut life = (None, None);
        for declaration in declarations {
            let named = declaration
                .attribute("type")
                .map(|of| ("complexType", local(of)));
            let of = named.and_then(|key| self.named.get(&key).copied());
            for version in of.into_iter().chain([*declaration]).flat_map(versions) {
                if version.attribute("Path") == Some(".") {
                    life.0 = life
                        .0
                        .or(version.attribute("First").and_then(Version::parse));
                    life.1 = life
                        .1
                        .or(version.attribute("Last").and_then(Version::parse));
                }
            }
        }
        life
    }

    fn attributes(&self, of: ElementRef<'d>) -> Attributes<'d> {
        let mut found = Attributes::new();
        let mut versions_found = Vec::new();
        let mut open = vec![of];
        let mut seen = BTreeSet::new();
        while let Some(of) = open.pop() {
            if !seen.insert(place(of)) {
                continue;
            }
            versions_found.extend(versions(of));
            for child in of.children() {
                match child.local_name() {
                    "complexContent" | "simpleContent" => open.push(child),
                    "extension" | "restriction" => {
                        open.push(child);
                        let base = child.attribute("base").map(local).unwrap_or_default();
                        // A restriction of the abstract node restates everything.
                        open.extend(self.named.get(&("complexType", base)));
                    }
                    "attributeGroup" => {
                        let name = child.attribute("ref").map(local).unwrap_or_default();
                        open.extend(self.named.get(&("attributeGroup", name)));
                    }
                    "attribute" => {
                        let Some(name) = child.attribute("name") else {
                            continue;
                        };
                        let stated = Stated {
                            type_name: self.family(child),
                            declaration: child,
                            required: child.attribute("use") == Some("required"),
                            first: None,
                            last: None,
                        };
                        if child.attribute("use") != Some("prohibited") {
                            found.entry(name).or_insert(stated);
                        }
                    }
                    _ => {}
                }
            }
        }
        for version in versions_found {
            let name = version
                .attribute("Path")
                .and_then(|path| path.strip_prefix('@'));
            if let Some(stated) = name.and_then(|name| found.get_mut(name)) {
                stated.first = stated
                    .first
                    .or(version.attribute("First").and_then(Version::parse));
                stated.last = stated
                    .last
                    .or(version.attribute("Last").and_then(Version::parse));
            }
        }
        found
    }

    /// The values of the attribute's type, through lists, unions and restrictions.
    pub(crate) fn values(&self, stated: &Stated<'d>) -> BTreeSet<&'d str> {
        let mut open: Vec<ElementRef<'d>> = vec![stated.declaration];
        let mut values = BTreeSet::new();
        let mut seen = BTreeSet::new();
        while let Some(of) = open.pop() {
            if !seen.insert(place(of)) {
                continue;
            }
            for child in of
                .descendants()
                .filter(|child| child.local_name() == "enumeration")
            {
                values.extend(child.attribute("value"));
            }
            for part in of.descendants().chain([of]) {
                for name in ["type", "base", "itemType", "memberTypes"] {
                    for name in part.attribute(name).unwrap_or_default().split_whitespace() {
                        open.extend(self.named.get(&("simpleType", local(name))));
                    }
                }
            }
        }
        values
    }

    /// The type that decides how the attribute is written; `enum` and `enums` for enumerations.
    fn family(&self, attribute: ElementRef<'d>) -> String {
        if let Some(inline) = part(attribute, "simpleType") {
            return self.family_of_type(inline, "");
        }
        let name = attribute.attribute("type").map(local).unwrap_or_default();
        match self.named.get(&("simpleType", name)) {
            Some(of) => self.family_of_type(*of, name),
            None => name.to_owned(),
        }
    }

    fn family_of_type(&self, of: ElementRef<'d>, name: &str) -> String {
        if data_types(name).is_some() {
            return name.to_owned();
        }
        for child in of.children() {
            let of_type = |name: &str| match self.named.get(&("simpleType", local(name))) {
                Some(of) => self.family_of_type(*of, local(name)),
                None => local(name).to_owned(),
            };
            match child.local_name() {
                "restriction" if part(child, "enumeration").is_some() => return "enum".to_owned(),
                "restriction" => {
                    return match child.attribute("base") {
                        Some(base) => of_type(base),
                        None => part(child, "simpleType")
                            .map_or_else(String::new, |of| self.family_of_type(of, "")),
                    };
                }
                "list" => {
                    let item = child
                        .attribute("itemType")
                        .map_or_else(|| "enum".to_owned(), of_type);
                    return if item == "enum" {
                        "enums".to_owned()
                    } else {
                        format!("list of {item}")
                    };
                }
                "union" => {
                    let members: Vec<String> = child
                        .attribute("memberTypes")
                        .unwrap_or_default()
                        .split_whitespace()
                        .map(of_type)
                        .collect();
                    return if members.iter().all(|member| member == "enum") {
                        "enum"
                    } else {
                        "union"
                    }
                    .to_owned();
                }
                _ => {}
            }
        }
        name.to_owned()
    }
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

fn versions(of: ElementRef<'_>) -> impl Iterator<Item = ElementRef<'_>> {
    let information = part(of, "annotation").and_then(|note| part(note, "appinfo"));
    information
        .into_iter()
        .flat_map(ElementRef::children)
        .filter(|child| child.local_name() == "Version")
}

/// The data types of ours that fit a type of the schema.
pub(crate) fn data_types(name: &str) -> Option<&'static [DataType]> {
    use DataType as T;
    Some(match name {
        "boolean" => &[T::Boolean],
        "Integer" | "LongInteger" | "Integer0To100" | "int" | "integer" => &[T::Integer],
        "double" => &[T::Number],
        "string" | "shortString" | "longString" | "Text" | "gYear" => {
            &[T::Text, T::RegExp, T::XPath]
        }
        "NamedColor" | "JDFJMFVersion" | "Separator" | "token" | "XYRelation" | "pSeparation" => {
            &[T::Text, T::Enum]
        }
        "NMTOKEN" | "name" | "QName" => &[T::Name],
        "NMTOKENS" | "JDFJMFVersions" => &[T::Names],
        "ID" => &[T::Id],
        "IDREF" => &[T::IdRef],
        "IDREFS" => &[T::IdRefs],
        "dateTime" => &[T::DateTime],
        "date" => &[T::Date],
        "gYearMonth" => &[T::YearMonth],
        "duration" => &[T::Duration],
        "URL" => &[T::Url],
        "URI" => &[T::Url, T::Text],
        "XYPair" | "pTileID" => &[T::XyPair],
        "shape" => &[T::Shape],
        "matrix" => &[T::Matrix],
        "rectangle" => &[T::Rectangle],
        "DoubleList" => &[T::Numbers],
        "IntegerList" => &[T::Integers],
        "DoubleRange" => &[T::NumberRange],
        "DoubleRangeList" => &[T::NumberRanges],
        "IntegerRange" => &[T::IntegerRange],
        "IntegerRangeList" => &[T::IntegerRanges],
        "NameRange" => &[T::NameRange],
        "NameRangeList" => &[T::NameRanges],
        "XYPairRange" | "XYPairRangeList" => &[T::XyPairRanges],
        "ShapeRange" | "ShapeRangeList" => &[T::ShapeRanges],
        "RectangleRange" | "RectangleRangeList" => &[T::RectangleRanges],
        "DateTimeRange" | "TimeRange" => &[T::DateTimeRange],
        "DateTimeRangeList" => &[T::DateTimeRanges],
        "DurationRange" => &[T::DurationRange],
        "DurationRangeList" => &[T::DurationRanges],
        "CMYKColor" => &[T::CmykColor],
        "LabColor" => &[T::LabColor],
        "sRGBColor" => &[T::RgbColor],
        "TransferFunction" => &[T::TransferFunction],
        "hexBinary" => &[T::HexBinary],
        "language" => &[T::Language],
        "languages" => &[T::Languages],
        "PDFPath" => &[T::PdfPath],
        "XPath" => &[T::XPath, T::Text],
        "regExp" => &[T::RegExp, T::Text],
        "enum" | "Orientation" | "Side" | "WorkStyle" => &[T::Enum],
        "enums" | "OrientationList" => &[T::Enums],
        _ => return None,
    })
}

/// Tells elements of all files apart.
fn place(element: ElementRef<'_>) -> (*const Document, String) {
    (
        std::ptr::from_ref(element.document()),
        format!("{:?}", element.position()),
    )
}

/// The first child of that name, in any namespace.
fn part<'d>(of: ElementRef<'d>, name: &str) -> Option<ElementRef<'d>> {
    of.children().find(|child| child.local_name() == name)
}
