//! The processes of each step and their parameters.

use super::job::{JobDescription, JobKind};
use super::media::{describe, station};
use super::step::{BoxFoldType, PrintMethod, Step, StepKind, VarnishArea, WorkStyle};
use super::ticket::{Keys, link, parameter, partitioned, points, reference, resource, xy};
use crate::element::Element;

/// One process of a node, with the resources that are its own.
pub(super) struct Process {
    pub(super) name: &'static str,
    /// To be added to the pool.
    pub(super) resources: Vec<Element>,
    /// To be added to the node.
    pub(super) links: Vec<Element>,
}

impl Process {
    fn of(name: &'static str) -> Self {
        Self {
            name,
            resources: Vec::new(),
            links: Vec::new(),
        }
    }

    /// Parameters: the element gets an ID after the part and is linked.
    fn with_params(
        mut self,
        part: &str,
        name: &str,
        fill: impl FnOnce(Element) -> Element,
    ) -> Self {
        let id = format!("r_{part}_{name}");
        self.links.push(link(name, "Input", &id));
        self.resources.push(fill(parameter(name, &id)));
        self
    }

    fn with_link(mut self, link: Element) -> Self {
        self.links.push(link);
        self
    }
}

impl StepKind {
    /// The name of the step in `JobPartID`s.
    pub(super) fn part(self) -> &'static str {
        match self {
            Self::Plates => "Plates",
            Self::Print => "Print",
            Self::Varnish => "Varnish",
            Self::Laminate => "Laminate",
            Self::DieCut => "DieCut",
            Self::Cut => "Cut",
            Self::Slit => "Slit",
            Self::Fold => "Fold",
            Self::Stitch => "Stitch",
            Self::BoxFold => "BoxFold",
            Self::Glue => "Glue",
        }
    }
}

impl JobDescription {
    /// The processes of a step. A saddle stitcher collects, stitches and trims, a slitter cuts and winds:
    /// these are several processes in one pass.
    pub(super) fn processes(&self, step: &Step, part: &str) -> Vec<Process> {
        match step.kind {
            StepKind::Plates => Vec::new(),
            StepKind::Print => vec![self.print(step, part)],
            StepKind::Varnish => {
                let area = match step.area.unwrap_or(VarnishArea::Full) {
                    VarnishArea::Full => "Full",
                    VarnishArea::Spot => "Spot",
                };
                vec![
                    Process::of("Varnishing").with_params(part, "VarnishingParams", |params| {
                        params.with("VarnishArea", area)
                    }),
                ]
            }
            StepKind::Laminate => vec![laminate(step, part)],
            StepKind::DieCut => vec![self.die_cut(part)],
            StepKind::Cut => vec![self.cut(part)],
            StepKind::Slit => self.slit(part),
            StepKind::Fold => {
                vec![
                    Process::of("Folding").with_params(part, "FoldingParams", |params| {
                        let described = step.fold.as_ref().map(|_| "FoldCatalog");
                        params
                            .with_some("DescriptionType", described)
                            .with_some("FoldCatalog", step.fold.as_ref())
                    }),
                ]
            }
            StepKind::Stitch => self.stitch(part),
            StepKind::BoxFold => {
                vec![
                    Process::of("BoxFolding").with_params(part, "BoxFoldingParams", |params| {
                        params.with_some("BoxFoldingType", step.box_type.map(box_type))
                    }),
                ]
            }
            StepKind::Glue => {
                vec![
                    Process::of("Gluing").with_params(part, "GluingParams", |params| {
                        let line = Element::new("GlueLine").with("AreaGlue", false);
                        params.child(Element::new("Glue").child(line))
                    }),
                ]
            }
        }
    }

    fn print(&self, step: &Step, part: &str) -> Process {
        let method = step.method.unwrap_or(self.kind.method());
        let rolls = self.sheets.iter().any(|sheet| sheet.media.roll);
        if method == PrintMethod::Digital {
            return Process::of("DigitalPrinting").with_params(
                part,
                "DigitalPrintingParams",
                |params| params.with("PrintingType", if rolls { "WebFed" } else { "SheetFed" }),
            );
        }
        let technology = match method {
            PrintMethod::Offset | PrintMethod::Digital => "Offset",
            PrintMethod::Flexo => "Flexo",
            PrintMethod::Gravure => "Gravure",
            PrintMethod::Screen => "Screen",
        };
        Process::of("ConventionalPrinting").with_params(
            part,
            "ConventionalPrintingParams",
            |params| {
                let params = params
                    .with("PrintingType", if rolls { "WebFed" } else { "SheetFed" })
                    .with("PrintingTechnology", technology);
                match self.sheets.as_slice() {
                    [sheet] => params.with("WorkStyle", work_style(sheet.work_style)),
                    sheets => partitioned(params, &self.sheet_keys(), |index, leaf| {
                        let style = sheets.get(index).map(|sheet| work_style(sheet.work_style));
                        leaf.with_some("WorkStyle", style)
                    }),
                }
            },
        )
    }

    fn die_cut(&self, part: &str) -> Process {
        let process =
            Process::of("ShapeCutting").with_params(part, "ShapeCuttingParams", |params| {
                let layout = self
                    .die
                    .as_ref()
                    .map(|_| reference("DieLayout", "r_DieLayout"));
                params.children(layout)
            });
        if self.die.is_some() {
            process.with_link(link("Tool", "Input", "r_Die"))
        } else {
            process
        }
    }

    /// Each product of a gang is a block; other sheets are cut into equal pieces.
    fn cut(&self, part: &str) -> Process {
        Process::of("Cutting").with_params(part, "CuttingParams", |params| {
            params.children(self.products.iter().enumerate().map(|(index, product)| {
                let size = product.blank_size.unwrap_or(product.finished_size);
                Element::new("CutBlock")
                    .with("BlockName", station(index))
                    .with("DescriptiveName", &product.name)
                    .with("BlockType", "CutBlock")
                    .with("BlockSize", xy(size))
            }))
        })
    }

    fn slit(&self, part: &str) -> Vec<Process> {
        let winding = self.products.first().and_then(|product| product.winding);
        let wind = Process::of("Winding").with_params(part, "WindingParams", |params| {
            let diameter = winding.and_then(|winding| winding.roll_diameter);
            params
                .with_some("Copies", winding.map(|winding| winding.pieces_per_roll))
                .with_some("Diameter", diameter.map(points))
        });
        let slit = Process::of("Cutting").with_params(part, "CuttingParams", |params| params);
        vec![slit, wind]
    }

    fn stitch(&self, part: &str) -> Vec<Process> {
        let size = self.products.first().map(|product| product.finished_size);
        let collect =
            Process::of("Collecting").with_params(part, "CollectingParams", |params| params);
        let stitch = Process::of("Stitching").with_params(part, "StitchingParams", |params| {
            params
                .with("StitchType", "Saddle")
                .with("NumberOfStitches", STITCHES)
        });
        let trim = Process::of("Trimming").with_params(part, "TrimmingParams", |params| {
            params
                .with_some("Width", size.map(|size| points(size.width)))
                .with_some("Height", size.map(|size| points(size.height)))
        });
        vec![collect, stitch, trim]
    }

    /// How the pieces lie on the sheets, for those who make plates.
    pub(super) fn stripping(&self) -> Element {
        let root = parameter("StrippingParams", "r_StrippingParams");
        let grid = |columns: u32, rows: u32| {
            Element::new("BinderySignature")
                .with("BinderySignatureType", "Grid")
                .with("NumberUp", format!("{columns} {rows}"))
        };
        if self.kind == JobKind::GangSheet {
            let sheet = self.sheet_keys().into_iter().next().unwrap_or_default();
            let keys: Vec<Keys> = (0..self.products.len())
                .map(|index| {
                    let mut keys = sheet.clone();
                    keys.push(("BinderySignatureName", station(index)));
                    keys
                })
                .collect();
            return partitioned(root, &keys, |index, leaf| {
                let product = self.products.get(index);
                let ups = product.and_then(|product| product.ups).unwrap_or(1);
                leaf.with("GangElementID", station(index))
                    .with_some("DescriptiveName", product.map(|product| &product.name))
                    .child(grid(ups, 1))
            });
        }
        let fold = self.steps.iter().find_map(|step| step.fold.as_ref());
        partitioned(root, &self.sheet_keys(), |index, leaf| {
            let Some(sheet) = self.sheets.get(index) else {
                return leaf;
            };
            let signature = match (&self.die, fold) {
                (Some(_), _) => Element::new("BinderySignature")
                    .with("BinderySignatureType", "Die")
                    .child(reference("DieLayout", "r_DieLayout")),
                (None, Some(fold)) => Element::new("BinderySignature")
                    .with("BinderySignatureType", "Fold")
                    .with("FoldCatalog", fold),
                (None, None) => grid(self.ups(sheet), 1),
            };
            leaf.with("WorkStyle", work_style(sheet.work_style))
                .child(signature)
        })
    }
}

/// A saddle-stitched brochure has two.
const STITCHES: u32 = 2;

fn laminate(step: &Step, part: &str) -> Process {
    let mut process =
        Process::of("Laminating").with_params(part, "LaminatingParams", |params| params);
    if let Some(media) = &step.media {
        let id = format!("r_{part}_Media");
        process.links.push(link("Media", "Input", &id));
        process.resources.push(describe(
            resource("Media", &id, "Consumable", true),
            media,
            None,
        ));
    }
    process
}

fn work_style(style: WorkStyle) -> &'static str {
    match style {
        WorkStyle::Simplex => "Simplex",
        WorkStyle::Perfecting => "Perfecting",
        WorkStyle::WorkAndBack => "WorkAndBack",
        WorkStyle::WorkAndTurn => "WorkAndTurn",
        WorkStyle::WorkAndTumble => "WorkAndTumble",
    }
}

fn box_type(kind: BoxFoldType) -> &'static str {
    match kind {
        BoxFoldType::Type00 => "Type00",
        BoxFoldType::Type01 => "Type01",
        BoxFoldType::Type02 => "Type02",
        BoxFoldType::Type03 => "Type03",
        BoxFoldType::Type04 => "Type04",
        BoxFoldType::Type10 => "Type10",
        BoxFoldType::Type11 => "Type11",
        BoxFoldType::Type12 => "Type12",
        BoxFoldType::Type13 => "Type13",
        BoxFoldType::Type15 => "Type15",
        BoxFoldType::Type20 => "Type20",
    }
}
