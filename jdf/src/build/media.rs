//! What is printed on, with what: media, components, plates, colours, die.

use super::job::{JobDescription, JobKind, Size};
use super::material::{Coating, Direction, Media, MediaKind};
use super::step::{PrintMethod, StepKind};
use super::ticket::{
    Keys, file, number, parameter, partitioned, points, reference, resource, shape, xy,
};
use crate::element::Element;

/// The colours that need no definition.
pub(super) const PROCESS_COLOURS: [&str; 4] = ["Cyan", "Magenta", "Yellow", "Black"];

impl JobDescription {
    /// The partition of each sheet.
    pub(super) fn sheet_keys(&self) -> Vec<Keys> {
        let keys = |(index, sheet): (usize, &super::job::Sheet)| {
            vec![
                ("SignatureName", format!("Sig{}", index + 1)),
                ("SheetName", sheet.name.clone()),
            ]
        };
        self.sheets.iter().enumerate().map(keys).collect()
    }

    /// The printing method of the first print step.
    pub(super) fn print_method(&self) -> PrintMethod {
        let print = self.steps.iter().find(|step| step.kind == StepKind::Print);
        print
            .and_then(|step| step.method)
            .unwrap_or(self.kind.method())
    }

    /// What is printed on: one medium, or one partition for each sheet.
    pub(super) fn sheet_media(&self) -> Element {
        let root = resource("Media", "r_Media", "Consumable", true);
        match self.sheets.as_slice() {
            [sheet] => describe(root, &sheet.media, Some(sheet.size)),
            sheets => partitioned(root, &self.sheet_keys(), |index, leaf| {
                match sheets.get(index) {
                    Some(sheet) => describe(leaf, &sheet.media, Some(sheet.size)),
                    None => leaf,
                }
            }),
        }
    }

    /// The plates: one for each sheet, side and colour.
    pub(super) fn plates(&self, made_here: bool) -> (Element, Element) {
        let mut keys = Vec::new();
        for (sheet, sheet_keys) in self.sheets.iter().zip(self.sheet_keys()) {
            for (side, colours) in [("Front", &sheet.front), ("Back", &sheet.back)] {
                for colour in colours {
                    let mut plate = sheet_keys.clone();
                    plate.push(("Side", side.to_owned()));
                    plate.push(("Separation", colour.clone()));
                    keys.push(plate);
                }
            }
        }
        let media = resource("Media", "r_PlateMedia", "Consumable", true)
            .with("MediaType", "Plate")
            .with("MediaUnit", "Sheet");
        let exposed = resource("ExposedMedia", "r_Plates", "Handling", !made_here);
        let exposed = partitioned(exposed, &keys, |_, leaf| leaf);
        (media, exposed.child(reference("Media", "r_PlateMedia")))
    }

    /// The colours used, each once, in printing order.
    pub(super) fn colours(&self) -> Vec<&str> {
        let mut colours: Vec<&str> = Vec::new();
        for sheet in &self.sheets {
            for colour in sheet.front.iter().chain(&sheet.back) {
                if !colours.contains(&colour.as_str()) {
                    colours.push(colour);
                }
            }
        }
        colours
    }

    /// Colour definitions and their order.
    pub(super) fn colour_resources(&self) -> [Element; 2] {
        let colours = self.colours();
        let pool = parameter("ColorPool", "r_ColorPool").children(colours.iter().map(|name| {
            let spot = self.spot_colours.iter().find(|spot| spot.name == **name);
            let list = |values: &[f64]| {
                let values: Vec<_> = values.iter().map(|value| number(*value)).collect();
                values.join(" ")
            };
            let cmyk = match *name {
                "Cyan" => Some("1 0 0 0".to_owned()),
                "Magenta" => Some("0 1 0 0".to_owned()),
                "Yellow" => Some("0 0 1 0".to_owned()),
                "Black" => Some("0 0 0 1".to_owned()),
                _ => spot.and_then(|spot| spot.cmyk).map(|cmyk| list(&cmyk)),
            };
            let lab = spot.and_then(|spot| spot.lab).map(|lab| list(&lab));
            Element::new("Color")
                .with("Name", name)
                .with_some("CMYK", cmyk)
                .with_some("Lab", lab)
        }));
        let separations = |names: Vec<&str>| {
            let specs: Vec<_> = names
                .into_iter()
                .map(|name| Element::new("SeparationSpec").with("Name", name))
                .collect();
            specs
        };
        let spots: Vec<_> = colours
            .iter()
            .copied()
            .filter(|name| !PROCESS_COLOURS.contains(name))
            .collect();
        let has_process = spots.len() < colours.len();
        let params = (!spots.is_empty())
            .then(|| Element::new("ColorantParams").children(separations(spots)));
        let control = parameter("ColorantControl", "r_ColorantControl")
            .with(
                "ProcessColorModel",
                if has_process { "DeviceCMYK" } else { "DeviceN" },
            )
            .children(params)
            .child(Element::new("ColorantOrder").children(separations(colours)))
            .child(reference("ColorPool", "r_ColorPool"));
        [pool, control]
    }

    /// The layout of the die and the tool.
    pub(super) fn die_resources(&self) -> Option<[Element; 2]> {
        let die = self.die.as_ref()?;
        let gang = self.kind == JobKind::GangSheet;
        let stations = self.products.iter().enumerate().map(|(index, product)| {
            let ups = if gang {
                product.ups.unwrap_or(1)
            } else {
                die.across.saturating_mul(die.along)
            };
            let flat = product.blank_size.unwrap_or(product.finished_size);
            let design = Element::new("ShapeDef")
                .with("Dimensions", shape(product.finished_size))
                .with(
                    "FlatDimensions",
                    shape(Size {
                        depth: None,
                        ..flat
                    }),
                )
                .children(product.cad_file.as_deref().map(file));
            Element::new("Station")
                .with("StationName", station(index))
                .with("StationAmount", ups)
                .child(design)
        });
        let layout = parameter("DieLayout", "r_DieLayout")
            .with("DescriptiveName", format!("{} x {}", die.across, die.along))
            .children(die.file.as_deref().map(file))
            .children(stations);
        let tool = resource("Tool", "r_Die", "Handling", true)
            .with("ToolType", "CutDie")
            .with("ToolID", &die.number);
        Some([layout, tool])
    }

    /// The print files, in the order of the products.
    pub(super) fn run_list(&self) -> Option<Element> {
        let files: Vec<_> = self
            .products
            .iter()
            .filter_map(|product| product.artwork.as_deref())
            .collect();
        let page = |url: &str| {
            Element::new("LayoutElement").child(file(url).with("MimeType", "application/pdf"))
        };
        let root = parameter("RunList", "r_RunList");
        match files.as_slice() {
            [] => None,
            [url] => Some(root.child(page(url))),
            files => {
                let keys: Vec<Keys> = (1..=files.len())
                    .map(|run| vec![("Run", format!("Run{run}"))])
                    .collect();
                Some(partitioned(root, &keys, |index, leaf| {
                    leaf.children(files.get(index).map(|url| page(url)))
                }))
            }
        }
    }
}

/// The name of the place of a product on a die or gang sheet.
pub(super) fn station(index: usize) -> String {
    format!("Block{}", index + 1)
}

/// Adds what is known of a medium.
pub(super) fn describe(element: Element, media: &Media, size: Option<Size>) -> Element {
    let layers = (!media.layers.is_empty()).then(|| {
        let layers = media.layers.iter().map(|layer| {
            let (kind, details) = media_type(layer.kind);
            Element::new("Media")
                .with("MediaType", kind)
                .with_some("MediaTypeDetails", details)
                .with("DescriptiveName", &layer.name)
                .with_some("Weight", layer.grammage.map(number))
                .with_some("Thickness", layer.thickness.map(number))
        });
        Element::new("MediaLayers").children(layers)
    });
    let (kind, details) = media_type(media.kind);
    let size = size.map(|size| {
        if media.roll {
            // The length of a roll is not known before it is made.
            format!("{} 0", points(size.width))
        } else {
            xy(size)
        }
    });
    element
        .with_some("ProductID", media.article.as_ref())
        .with("DescriptiveName", &media.name)
        .with("MediaType", kind)
        .with_some("MediaTypeDetails", details)
        .with("MediaUnit", if media.roll { "Roll" } else { "Sheet" })
        .with_some("Unit", media.roll.then_some("m"))
        .with_some("Dimension", size)
        .with_some("Weight", media.grammage.map(number))
        .with_some("Thickness", media.thickness.map(number))
        .with_some("GrainDirection", media.grain.map(direction))
        .with_some("Flute", media.flute.as_ref())
        .with_some("FluteDirection", media.flute_direction.map(direction))
        .with_some("FrontCoatings", media.front_coating.map(coating))
        .with_some("BackCoatings", media.back_coating.map(coating))
        .children(layers)
}

/// `MediaType` and, where that is too coarse, `MediaTypeDetails`. JDF's `Film` is photographic: plastic is
/// `Foil`.
pub(super) fn media_type(kind: MediaKind) -> (&'static str, Option<&'static str>) {
    match kind {
        MediaKind::Paper => ("Paper", None),
        MediaKind::Board => ("Paper", Some("Cardboard")),
        MediaKind::Corrugated => ("CorrugatedBoard", None),
        MediaKind::SelfAdhesive => ("SelfAdhesive", None),
        MediaKind::Film => ("Foil", None),
        MediaKind::ShrinkFilm => ("ShrinkFoil", None),
        MediaKind::Other => ("Other", None),
    }
}

fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::LongEdge => "LongEdge",
        Direction::ShortEdge => "ShortEdge",
    }
}

fn coating(coating: Coating) -> &'static str {
    match coating {
        Coating::None => "None",
        Coating::Coated => "Coated",
        Coating::Glossy => "Glossy",
        Coating::HighGloss => "HighGloss",
        Coating::Matte => "Matte",
        Coating::Satin => "Satin",
    }
}
