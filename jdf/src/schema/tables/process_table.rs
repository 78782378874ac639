//! The processes with what goes in and what comes out (JDF 1.5, Processes), by chapter: general, prepress, press,
//! postpress, packaging. Inputs that any process may have are [`super::super::ProcessFacts::GENERAL_INPUTS`].

processes! { PROCESSES
Product { ArtDeliveryIntent?, BindingIntent?, ColorIntent?, Component*, DeliveryIntent?, EmbossingIntent?, FoldingIntent?, HoleMakingIntent?, InsertingIntent?, LaminatingIntent?, LayoutIntent?, MediaIntent?, NumberingIntent?, PackingIntent?, ProductionIntent?, ProofingIntent?, ScreeningIntent?, ShapeCuttingIntent?, SizeIntent? } -> { Component+ }
ProcessGroup { } -> { }
Combined { } -> { }

Approval { ApprovalParams? } -> { ApprovalSuccess! }
Buffer { BufferParams? } -> { }
Combine { } -> { }
Delivery { DeliveryParams! } -> { }
ManualLabor { ManualLaborParams? } -> { }
Ordering { OrderingParams! } -> { }
Packing ..1.1 { } -> { }
QualityControl 1.2 { QualityControlParams? } -> { QualityControlResult? }
ResourceDefinition { ResourceDefinitionParams? } -> { }
Split { } -> { }
Verification { VerificationParams?, DBRules?, DBSelection? } -> { ApprovalSuccess? }

AssetListCreation 1.2 { AssetListCreationParams?, RunList! } -> { RunList! }
Bending 1.3 { BendingParams?, ExposedMedia! } -> { ExposedMedia! }
ColorCorrection { ColorantControl?, ColorCorrectionParams!, RunList! } -> { RunList! }
ColorSpaceConversion { ColorantControl?, ColorSpaceConversionParams!, RunList! } -> { RunList! }
ContactCopying { ContactCopyParams?, DevelopingParams?, ExposedMedia+, Media!, TransferCurvePool? } -> { ExposedMedia! }
ContoneCalibration { RunList!, ScreeningParams?, TransferFunctionControl? } -> { RunList! }
CylinderLayoutPreparation 1.3 { CylinderLayoutPreparationParams!, Layout!, RunList! } -> { CylinderLayout! }
DBDocTemplateLayout { DBRules!, DBSchema!, LayoutElement* } -> { LayoutElement* }
DBTemplateMerging { DBMergeParams!, DBSelection!, LayoutElement* } -> { RunList! }
DieDesign 1.4 { DieLayout! } -> { DieLayout! }
DieLayoutProduction 1.4 { DieLayout?, DieLayoutProductionParams!, ShapeDef* } -> { DieLayout+ }
DigitalDelivery 1.2 { DigitalDeliveryParams?, RunList* } -> { RunList* }
FilmToPlateCopying { DevelopingParams?, ExposedMedia!, Media!, PlateCopyParams? } -> { ExposedMedia! }
FormatConversion { FormatConversionParams?, RunList! } -> { RunList! }
ImageEnhancement 1.5 { ImageEnhancementParams!, RunList! } -> { RunList! }
ImageReplacement { ImageCompressionParams?, ImageReplacementParams!, RunList! } -> { RunList! }
ImageSetting { ColorantControl?, DevelopingParams?, ExposedMedia?, ImageSetterParams?, Media?, RunList!, TransferCurvePool? } -> { ExposedMedia! }
Imposition { Layout!, RunList!(Document), RunList?(Marks) } -> { RunList! }
InkZoneCalculation { InkZoneCalculationParams?, Layout?, Preview!, Sheet?, TransferCurvePool? } -> { InkZoneProfile! }
Interpreting { ColorantControl?, FontPolicy?, InterpretingParams?, PDLResourceAlias*, RunList! } -> { InterpretedPDLData?, RunList? }
LayoutElementProduction { LayoutElement*, LayoutElementProductionParams?, RunList* } -> { LayoutElement?, RunList? }
LayoutPreparation { LayoutPreparationParams!, RunList?(Document), RunList?(Marks) } -> { Layout!, RunList?(Document), RunList?(Marks), TransferCurvePool? }
LayoutShifting 1.4 { LayoutShift!, RunList! } -> { RunList! }
PDFToPSConversion { PDFToPSConversionParams?, RunList! } -> { RunList! }
PDLCreation 1.3 { ImageCompressionParams?, PDLCreationParams?, RunList! } -> { RunList! }
PSToPDFConversion { FontParams?, ImageCompressionParams?, PSToPDFConversionParams?, RunList! } -> { RunList! }
PageAssigning 1.4 { PageAssignParams!, RunList! } -> { RunList! }
Preflight { PreflightParams!, PreflightReportRulePool!, RunList! } -> { PreflightReport! }
PreviewGeneration { ColorantControl?, ExposedMedia?, Preview?, PreviewGenerationParams!, RunList?, TransferCurvePool? } -> { Preview! }
Proofing ..1.2 { ColorantControl?, ColorSpaceConversionParams?, Layout?, Media?, ProofingParams!, RunList! } -> { ExposedMedia?, RunList? }
RasterReading 1.3 { RasterReadingParams?, RunList! } -> { RunList! }
Rendering { InterpretedPDLData?, Media?, RenderingParams?, RunList? } -> { ByteMap?, RunList? }
Scanning { ExposedMedia!, ScanParams! } -> { RunList! }
Screening { RunList!, ScreeningParams! } -> { RunList! }
Separation { ColorantControl!, RunList!, SeparationControlParams! } -> { RunList! }
ShapeDefProduction 1.4 { LayoutElement?, ShapeDefProductionParams! } -> { ShapeDef+ }
SheetOptimizing 1.5 { Assembly*, SheetOptimizingParams! } -> { StrippingParams* }
SoftProofing ..1.2 { ColorantControl?, ColorSpaceConversionParams?, Layout?, ProofingParams!, RunList! } -> { }
Stripping 1.2 { Assembly?, BinderySignature*, ColorantControl?, RunList?(Document), StrippingParams!, TransferCurvePool? } -> { Layout!, RunList?(Document), RunList?(Marks) }
Tiling { RunList?(Marks), RunList!(Surface), Tile! } -> { RunList! }
Trapping { ColorantControl?, FontPolicy?, RunList!, TrappingDetails! } -> { RunList! }

ConventionalPrinting { ColorantControl?, Component?, Component?(Input), Component?(Proof), ConventionalPrintingParams!, ExposedMedia*, ExposedMedia?(Cylinder), ExposedMedia?(Plate), ExposedMedia?(Proof), Ink?, InkZoneProfile?, Layout?, Media?, PrintCondition?, Sheet?, TransferCurvePool? } -> { Component+, Component?(Good), Component?(Waste) }
DigitalPrinting { ColorantControl?, Component?(Input), Component?(Proof), DigitalPrintingParams!, ExposedMedia?, Ink?, Layout?, Media?, PrintCondition?, RunList!, TransferCurvePool? } -> { Component+, Component?(Good), Component?(Waste) }
IDPrinting ..1.0 { ColorantControl?, Component?, ExposedMedia?, FontPolicy?, IDPrintingParams!, Ink?, InterpretingParams!, Media!, RenderingParams!, RunList!, ScreeningParams?, TransferFunctionControl? } -> { Component+ }
Varnishing 1.4 { Component?, ExposedMedia?, Ink?, Media?, VarnishingParams? } -> { Component! }

AdhesiveBinding ..1.0 { AdhesiveBindingParams!, Component+ } -> { Component! }
BlockPreparation 1.1 { BlockPreparationParams!, Component!, RegisterRibbon* } -> { Component! }
BoxPacking 1.1 { BoxPackingParams!, Component* } -> { Component! }
Bundling 1.2 { BundlingParams?, Component! } -> { Component! }
CaseMaking 1.1 { CaseMakingParams!, Component?, Media? } -> { Component! }
CasingIn 1.1 { CasingInParams!, Component!, Component!(Case) } -> { Component! }
ChannelBinding { ChannelBindingParams!, Component! } -> { Component! }
CoilBinding { CoilBindingParams!, Component! } -> { Component! }
Collecting { Assembly?, CollectingParams?, Component+, DBRules?, DBSelection?, IdentificationField* } -> { Component! }
CoverApplication 1.1 { Component!, Component!(Cover), CoverApplicationParams! } -> { Component! }
Creasing 1.1 { Component!, CreasingParams! } -> { Component! }
Cutting { Component?, CutBlock*, CutMark*, CuttingParams?, Media? } -> { Component*, Media* }
DieMaking 1.4 { DieLayout! } -> { Tool! }
Dividing ..1.0 { Component!, DividingParams! } -> { Component! }
Embossing 1.1 { Component?, EmbossingParams!, Media?, Tool? } -> { Component! }
EndSheetGluing { Component!, Component!(BackEndSheet), Component!(FrontEndSheet), EndSheetGluingParams! } -> { Component! }
Feeding 1.2 { Component*, FeedingParams!, Media* } -> { Component*, Media* }
Folding { Component!, FoldingParams! } -> { Component+ }
Gathering { Assembly?, Component+, DBRules?, DBSelection?, GatheringParams!, IdentificationField* } -> { Component! }
Gluing 1.1 { Component+, GluingParams! } -> { Component! }
HeadBandApplication 1.1 { Component!, HeadBandApplicationParams! } -> { Component! }
HoleMaking { Component!, HoleMakingParams! } -> { Component! }
Inserting { Component!, Component!(Child), Component!(Mother), DBRules?, DBSelection?, IdentificationField*, InsertingParams! } -> { Component! }
Jacketing 1.1 { Component!(Book), Component!(Jacket), JacketingParams! } -> { Component! }
Labeling { Component!, Component?(Label), LabelingParams? } -> { Component! }
Laminating 1.1 { Component!, LaminatingParams!, Media* } -> { Component! }
LongitudinalRibbonOperations ..1.2 { Component!, LongitudinalRibbonOperationParams! } -> { Component! }
Numbering { Component!, NumberingParams! } -> { Component! }
Palletizing 1.1 { Component+, Pallet!, PalletizingParams! } -> { Component! }
Perforating 1.1 { Component!, PerforatingParams! } -> { Component! }
PlasticCombBinding { Component!, PlasticCombBindingParams! } -> { Component! }
PrintRolling 1.2 { Component!, PrintRollingParams?, RollStand? } -> { Component! }
RingBinding { Component!, Component?(RingBinder), RingBindingParams! } -> { Component! }
SaddleStitching ..1.0 { Component!, SaddleStitchingParams! } -> { Component! }
ShapeCutting 1.1 { Component?, Media?, ShapeCuttingParams?, Tool* } -> { Component* }
Shrinking 1.1 { Component!, ShrinkingParams? } -> { Component! }
SideSewing { Component!, SideSewingParams! } -> { Component! }
SpinePreparation 1.1 { Component!, SpinePreparationParams! } -> { Component! }
SpineTaping 1.1 { Component!, SpineTapingParams! } -> { Component! }
Stacking 1.1 { Component!, StackingParams! } -> { Component! }
StaticBlocking 1.4 { Component!, StaticBlockingParams! } -> { Component! }
Stitching { Component!, StitchingParams! } -> { Component! }
Strapping 1.1 { Component!, Strap?, StrappingParams! } -> { Component! }
StripBinding 1.1 { Component!, StripBindingParams! } -> { Component! }
ThreadSealing { Component!, ThreadSealingParams! } -> { Component! }
ThreadSewing { Component!, ThreadSewingParams! } -> { Component! }
Trimming { Component!, TrimmingParams! } -> { Component! }
WebInlineFinishing 1.3 { Assembly?, Component*, ProductionPath?, StrippingParams?, WebInlineFinishingParams? } -> { Component+ }
Winding 1.5 { Component!, WindingParams! } -> { Component! }
WireCombBinding { Component!, WireCombBindingParams! } -> { Component! }
Wrapping { Component!, Media?, WrappingParams! } -> { Component! }
BoxFolding 1.3 { BoxFoldingParams!, Component+ } -> { Component! }
}
