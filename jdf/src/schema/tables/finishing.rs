//! Imposition, converting and finishing: layout, die, cutting, folding, gluing, packing (JDF 1.5, Resources).

use super::words::{ORIENTATION, SIDE, WORKING};

elements! { FINISHING
Layout: Parameter {
    Automated: Boolean, LockOrigins: Boolean 1.3, MaxDocOrd: Integer 1.1, MaxOrd: Integer 1.1, MaxSetOrd: Integer 1.1, Name: Text, OrdReset: Enum(Continue PagePool PagePoolList) 1.4, SourceWorkStyle: Enum 1.3, SurfaceContentsBox: Rectangle 1.3, TemplateType: Enum 1.4, BaseOrdReset: Enum 1.4, MaxCollect: Integer 1.4, MinCollect: Integer 1.4, OrdsConsumed: IntegerRanges 1.4, SheetCountReset: Enum 1.4, SheetNameFormat: Text 1.5, SheetNameTemplate: Text 1.5,
} [ContentObject* InsertSheet* LayerList? LayerDetails* MarkObject* Media* MediaSource? PageCondition* SheetCondition* Signature* TransferCurvePool?]
MarkObject: Plain {
    AssemblyIDs: Names, ClipBox: Rectangle, ClipBoxFormat: Text, ClipBoxTemplate: Text, ClipPath: PdfPath, CTM ! Matrix, HalfTonePhaseOrigin: XyPair, LayerID: Integer, LayoutElementPageNum: Integer, LogicalStackOrd: Integer, Ord: Integer, SourceClipPath: PdfPath, TrimCTM: Matrix, TrimSize: XyPair, Anchor: Enum 1.4, CompensationCTMFormat: Text 1.4, CompensationCTMTemplate: Text 1.4, ContentRef: IdRef 1.4, OrdID: Integer 1.1, TrimClipPath: PdfPath, Type: Enum,
} [CIELABMeasuringField* ColorControlStrip* CutMark* DensityMeasuringField* DeviceMark? DynamicField* FillMark? IdentificationField* JobField? LayoutElement? MarkActivation* RefAnchor* RegisterMark* ScavengerArea*]
Signature: Plain ..1.2 { Name: Text } [Sheet*]
Sheet: Parameter ..1.2 { LockOrigins: Boolean, Name: Text, SurfaceContentsBox: Rectangle } [Surface*]
Surface: Parameter ..1.2 { Side: Enum(=SIDE), SurfaceContentsBox: Rectangle } [ContentObject* MarkObject*]
RefAnchor: Element 1.4 { Anchor: Enum, AnchorType: Enum(Parent Sibling), rRef: IdRef } []
StrippingParams: Parameter 1.2 {
    Automated: Boolean 1.5, AssemblyID: Text, AssemblyIDs: Names 1.3, InnermostShingling: Number 1.3, JobID: Text, OutermostShingling: Number 1.3, SectionList: Integers, SheetNameFormat: Text 1.5, SheetNameTemplate: Text 1.5, StackDepth: Integer 1.4, WorkStyle: Enum(Perfecting Simplex WorkAndBack WorkAndTumble WorkAndTurn WorkAndTwist), GangElementID: Name 1.5,
} [BinderySignature? Device* ExternalImpositionTemplate? FilmRef? Media* Position* StripCellParams? StripMark*]
BinderySignature: Parameter 1.2 {
    AlignmentReferenceWeb: Name 1.5, BinderySignatureType: Enum(Die Fold Grid), BindingEdge: Enum, BindingOrientation: Enum(=ORIENTATION) 1.3, FoldCatalog: Text, FoldLay: Enum(=ORIENTATION) 1.3, JogEdge: Enum 1.3, NumberUp: XyPair, OutsideGutter: Boolean, StaggerColumns: Numbers, StaggerContinuous: Boolean, StaggerRows: Numbers, WebCellAlignment: XyPair, BleedBottom: Number, BleedLeft: Number, BleedRight: Number, BleedTop: Number, TrimBottom: Number, TrimLeft: Number, TrimRight: Number, TrimTop: Number,
} [DieLayout? Fold* SignatureCell*]
SignatureCell: Plain 1.2 {
    BackFacePages: Integers ..1.3, BackPages: Integers, BottleAngle: Number 1.3, BottleAxis: Enum 1.3, FaceCells: Integers 1.4, FrontFacePages: Integers ..1.3, FrontPages: Integers, Orientation: Enum(Down Left Right Up), SectionIndex: Integer, StationName: Text 1.3, BackSpread: Integers 1.5, FrontSpread: Integers 1.5,
} []
Position: Plain 1.2 {
    AbsoluteBox: Rectangle 1.3, BlockName: Name 1.3, MarginBottom: Number, MarginLeft: Number, MarginRight: Number, MarginTop: Number, Orientation: Enum(=ORIENTATION), RelativeBox: Rectangle,
} []
StripCellParams: Plain 1.2 {
    BackOverfold: Number, BleedFace: Number, BleedFoot: Number, BleedHead: Number, BleedSpine: Number, Creep: XyPair 1.3, CutWidthFoot: Number, CutWidthHead: Number, FrontOverfold: Number, Mask: Enum 1.3, MaskBleed: Number 1.3, MaskSeparation: Text 1.3, MillingDepth: Number, Sides: Enum, Spine: Number, TrimFace: Number, TrimFoot: Number, TrimHead: Number, TrimSize: XyPair,
} []
Fold: Parameter 1.1 { From ! Enum(Front Left), To ! Enum(Up Down), RelativeTravel: Number, Travel: Number } []
FoldingParams: Parameter { DescriptionType: Enum, FoldCatalog: Text, FoldSheetIn: XyPair, SheetLay: Enum(Left Right) } [Fold*]
CuttingParams: Parameter 1.1 { NUpSeparation: XyPair 1.4, SheetLay: Enum(Left Right) } [Cut* CutBlock* CutMark*]
Cut: Element { CutWidth: Number 1.4, StartPosition: XyPair, RelativeStartPosition: XyPair 1.2, RelativeWorkingPath: XyPair 1.2, WorkingDirection: Enum(=WORKING), WorkingPath: XyPair, LowerRibbonName: Name 1.5, UpperRibbonName: Name 1.5 } []
CutBlock: Parameter { AssemblyIDs: Names 1.3, BlockElementSize: XyPair, BlockElementType: Enum, BlockName ! Name, BlockSize ! XyPair, BlockSubdivision: XyPair, BlockTrf: Matrix, BlockType ! Enum, CutWidth: Number 1.4 } [Assembly?]
ShapeCuttingParams: Parameter 1.1 { DeliveryMode: Enum(FullSheet RemoveGripperMargin SeparateBlanks) 1.3, ModuleIndex: Integer 1.4, SheetLay: Enum(Left Center Right) 1.3 } [DieLayout? Shape*]
Shape: Parameter 1.1 { CutBox: Rectangle, CutOut: Boolean, CutPath: PdfPath, CutType: Enum(Cut Perforate), DDESCutType: Integer 1.3, Material: Text, ShapeDepth: Number, ShapeType ! Enum(Path Rectangular Round RoundedRectangle), TeethPerDimension: Number, LockOrigins: Boolean } []
DieLayout: Parameter 1.3 {
    CutBox: Rectangle 1.4, DieSide: Enum(Up Down) 1.4, MediaSide: Enum 1.4, Rotated: Boolean 1.4, Waste: Number 1.4,
} [CutLines? Device* FileSpec? Media? RuleLength* Station*]
RuleLength: Plain 1.4 { DDESCutType ! Integer, Length ! Number } []
Station: Plain 1.3 { AssemblyIDs: Names, StationAmount: Integer, StationName: Text } [ShapeDef?]
ShapeDef: Parameter 1.4 {
    Area: Number, CutBox: Rectangle, Dimensions: Shape, FlatDimensions: Shape, FluteDirection: Enum, GrainDirection: Enum, MediaSide: Enum, ResourceWeight: Number,
} [ColorPool? CutLines? FileSpec? Media? Shape*]
BoxFoldingParams: Parameter 1.3 { BlankDimensionsX: Numbers, BlankDimensionsY: Numbers, BoxFoldingType: Enum } [BoxApplication* BoxFoldAction* GlueLine*]
BoxFoldAction: Plain 1.3 { Action: Enum, FoldIndex ! XyPair } [GlueLine*]
GluingParams: Parameter 1.1 { GluingProductionID: Text 1.3 } [Glue* GlueApplication*]
Glue: Plain { WorkingDirection: Enum(=WORKING) } [GlueApplication? GlueLine?]
GlueLine: Parameter {
    AreaGlue: Boolean, GlueBrand: Text, GlueLineWidth: Number, GlueType: Enum, GluingPattern: XyPair, MeltingTemperature: Integer, RelativeStartPosition: XyPair 1.2, RelativeWorkingPath: XyPair 1.2, StartPosition: XyPair, WorkingPath: XyPair,
} []
LaminatingParams: Parameter 1.1 { AdhesiveType: Text, GapList: Numbers, HardenerType: Text, LaminatingMethod: Enum, ModuleIndex: Integer, NipWidth: Number, Temperature: Number, LaminatingBox: Rectangle } []
EmbossingParams: Parameter 1.1 { ModuleIndex: Integer } [Emboss*]
Emboss: Plain { Direction ! Enum, EdgeAngle: Number, EdgeShape: Enum(Rounded Beveled), EmbossingType ! Enum, Height: Number, ImageSize: XyPair, Level: Enum, Position: XyPair, } [Tool? IdentificationField*]
StitchingParams: Parameter { Angle: Number, NumberOfStitches: Integer, Offset: Number, ReferenceEdge: Enum, StapleShape: Enum, StitchFromFront: Boolean, StitchPositions: Numbers, StitchType: Enum, StitchWidth: Number, TightBacking: Enum, WireBrand: Text, WireGauge: Number, StitchOrigin: Enum 1.4 } []
StackingParams: Parameter 1.1 {
    Compensate: Boolean, LayerAmount: Integers, LayerCompression: Boolean, LayerLift: Boolean, MaxAmount: Integer, MaxHeight: Integer, MaxWeight: Number, MinAmount: Integer, Offset: Boolean, PreStackAmount: Integer, PreStackMethod: Enum, StackCompression: Boolean, UnderLays: Integers, BundleDepth: Integer 1.4, StandardAmount: Integer,
} [Disjointing?]
Disjointing: Element { Number: Integer, Offset: XyPair, OffsetAmount: Integer, OffsetDirection: Enum, OffsetUnits: Name 1.5, Overfold: Number ..1.0 } [IdentificationField? InsertSheet?]
PalletizingParams: Parameter 1.1 { LayerAmount: Integers, MaxHeight: Number, MaxWeight: Number, Overhang: XyPair 1.4, OverhangOffset: XyPair 1.4, Pattern: Text } [Bundle?]
Pallet: Consumable 1.1 { PalletType ! Name, Size: XyPair } []
Bundle: Quantity 1.1 { BundleType: Enum, FolioCount: Integer, ReaderPageCount: Integer, SheetCount: Integer, TotalAmount: Integer } [BundleItem*]
BundleItem: Plain 1.2 { Amount ! Integer, ItemName: Name, Orientation: Enum(=ORIENTATION), Transformation: Matrix } [Component!]
Assembly: Parameter 1.2 { AssemblyID: Text, AssemblyIDs: Names 1.3, BindingSide: Enum 1.3, JobID: Text, JogSide: Enum, Order: Enum(Collecting Gathering List None), PhysicalSection: Integers } [AssemblySection* PageAssignedList* PageList?]
AssemblySection: Plain 1.2 { AssemblyID: Text ..1.2, AssemblyIDs: Names 1.3, JobID: Text, Order: Enum(Collecting Gathering) } [AssemblySection* PageAssignedList*]
TrimmingParams: Parameter { Height: Number, TrimCover: Enum 1.3, TrimmingOffset: Number, TrimmingType: Enum, Width: Number } []
CreasingParams: Parameter 1.1 { } [Crease*]
PerforatingParams: Parameter 1.1 {} [Perforate*]
InsertingParams: Parameter { FinishedPage: Integer, Method: Enum(BlowIn BindIn), SheetOffset: XyPair, InsertLocation ! Enum } [GlueLine*]
CollectingParams: Parameter {} []
GatheringParams: Parameter {} [Disjointing?]
HoleMakingParams: Parameter { Center: XyPair, CenterReference: Enum, Extent: XyPair, HoleCount: Integers, HoleReferenceEdge: Enum, HoleType ! Enums, Shape: Enum } [Hole* HoleLine* RegisterMark?]
Tool: Handling 1.1 { ToolID: Text, ToolType: Name, ToolAmount: Integer } []
MiscConsumable: Consumable 1.3 { ConsumableType: Name, } [IdentificationField*]
UsageCounter: Consumable 1.3 { CounterID: Text, CounterTypes: Names, Scope ! Enum(Job Lifetime PowerOn) } []
ApprovalSuccess: Parameter {} [ApprovalDetails* Contact* FileSpec?]
}
