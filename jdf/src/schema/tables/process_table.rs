//! The processes with what goes in and what comes out (JDF 1.5, Processes), by chapter: general, prepress, press,
//! postpress, packaging. Inputs that any process may have are [`super::super::ProcessFacts::GENERAL_INPUTS`].

processes! { PROCESSES
Product { ArtDeliveryIntent?, BindingIntent?, ColorIntent?, Component*, Component?(Cover), Component?(Jacket), Component?(Parent), DeliveryIntent?, EmbossingIntent?, FoldingIntent?, HoleMakingIntent?, InsertingIntent?, LaminatingIntent?, LayoutIntent?, MediaIntent?, NumberingIntent?, PackingIntent?, ProductionIntent?, ProofingIntent?, ScreeningIntent?, ShapeCuttingIntent?, SizeIntent? } -> { Component+ }
ProcessGroup { } -> { }
Combined { } -> { }

Approval { ApprovalParams! } -> { ApprovalSuccess! }
Buffer 1.1 { BufferParams! } -> { }
Combine { } -> { }
Delivery { DeliveryParams! } -> { }
ManualLabor 1.1 { ManualLaborParams! } -> { }
Ordering ..1.4 { OrderingParams! } -> { }
Packing ..1.0 { PackingParams! } -> { }
QualityControl 1.2 { QualityControlParams! } -> { QualityControlResult! }
ResourceDefinition { ResourceDefinitionParams? } -> { }
Split { } -> { }
Verification { DBSchema?, DBSelection?, IdentificationField*, VerificationParams! } -> { ApprovalSuccess?, DBSelection? }

AssetListCreation 1.2 { AssetListCreationParams!, RunList! } -> { RunList! }
Bending 1.3 { BendingParams!, ExposedMedia! } -> { ExposedMedia! }
ColorCorrection { ColorantControl?, ColorCorrectionParams!, RunList! } -> { RunList! }
ColorSpaceConversion { ColorSpaceConversionParams!, ColorantControl?, RunList! } -> { ColorantControl?, RunList! }
ContactCopying 1.1 { ContactCopyParams!, DevelopingParams?, ExposedMedia+, Media!, TransferCurvePool? } -> { ExposedMedia! }
ContoneCalibration { RunList!, ScreeningParams?, TransferFunctionControl? } -> { RunList! }
CylinderLayoutPreparation 1.3 { CylinderLayoutPreparationParams!, Layout!, RunList! } -> { CylinderLayout! }
DBDocTemplateLayout ..1.4 { DBRules!, DBSchema!, LayoutElement* } -> { LayoutElement* }
DBTemplateMerging ..1.4 { DBMergeParams!, DBSelection!, LayoutElement* } -> { RunList! }
DieDesign 1.4 { DieLayout! } -> { DieLayout! }
DieLayoutProduction 1.4 { DieLayoutProductionParams!, ShapeDef+ } -> { DieLayout+ }
DigitalDelivery 1.2 { DigitalDeliveryParams!, RunList! } -> { RunList! }
FilmToPlateCopying ..1.0 { DevelopingParams?, ExposedMedia!, Media!, PlateCopyParams! } -> { ExposedMedia! }
FormatConversion 1.1 ..1.4 { FormatConversionParams!, RunList! } -> { RunList! }
ImageEnhancement 1.5 { ImageEnhancementParams!, RunList! } -> { RunList! }
ImageReplacement { ImageCompressionParams?, ImageReplacementParams!, RunList! } -> { RunList! }
ImageSetting { ColorantControl?, DevelopingParams?, ExposedMedia?, ImageSetterParams?, Media!, RunList!, TransferCurvePool? } -> { ExposedMedia! }
Imposition { Layout!, RunList!(Document), RunList?(Marks) } -> { RunList! }
InkZoneCalculation { InkZoneCalculationParams!, Layout?, Preview!, Sheet?, TransferCurvePool? } -> { InkZoneProfile! }
Interpreting { ColorantControl?, FontPolicy?, InterpretingParams!, PDLResourceAlias*, RunList! } -> { InterpretedPDLData?, RunList? }
LayoutElementProduction { LayoutElement*, LayoutElementProductionParams? } -> { LayoutElement?, RunList? }
LayoutPreparation 1.1 { LayoutPreparationParams!, RunList?(Document), RunList?(Marks) } -> { Layout!, RunList?(Marks), TransferCurvePool? }
LayoutShifting 1.4 { LayoutShift!, RunList! } -> { RunList! }
PDFToPSConversion { PDFToPSConversionParams!, RunList! } -> { RunList! }
PDLCreation 1.3 { PDLCreationParams!, RunList! } -> { RunList! }
PSToPDFConversion { FontParams?, ImageCompressionParams?, PSToPDFConversionParams?, RunList! } -> { RunList! }
PageAssigning 1.4 { PageAssignParams!, RunList+ } -> { RunList! }
Preflight { PreflightParams!, PreflightReportRulePool?, RunList! } -> { PreflightReport! }
PreviewGeneration { ColorantControl?, ExposedMedia?, Preview?, PreviewGenerationParams!, RunList?, TransferCurvePool? } -> { Preview! }
Proofing ..1.1 { ColorSpaceConversionParams?, ColorantControl?, Layout?, Media!, ProofingParams!, RunList!(Document), RunList?(Marks) } -> { ExposedMedia! }
RasterReading 1.3 { RasterReadingParams?, RunList! } -> { RunList! }
Rendering { ImageCompressionParams?, InterpretedPDLData?, Media?, RenderingParams?, RunList? } -> { RunList! }
Scanning { ExposedMedia!, ScanParams! } -> { RunList! }
Screening { RunList!, ScreeningParams! } -> { RunList! }
Separation { ColorantControl?, RunList!, SeparationControlParams! } -> { RunList! }
ShapeDefProduction 1.4 { LayoutElement?, ShapeDefProductionParams! } -> { ShapeDef+ }
SheetOptimizing 1.5 { Assembly*, SheetOptimizingParams? } -> { StrippingParams? }
SoftProofing ..1.1 { ColorSpaceConversionParams?, ColorantControl?, Layout?, ProofingParams!, RunList!(Document), RunList?(Marks) } -> { }
Stripping 1.2 { Assembly+, RunList?(Document), StrippingParams!, TransferCurvePool? } -> { Layout!, RunList?(Document), RunList?(Marks) }
Tiling { RunList?(Marks), RunList!(Surface), Tile! } -> { RunList! }
Trapping { ColorantControl?, FontPolicy?, RunList!, TrappingDetails! } -> { RunList! }

ConventionalPrinting { ColorantControl?, Component*, Component?(Proof), ConventionalPrintingParams!, ExposedMedia*, ExposedMedia?(Cylinder), ExposedMedia?(Plate), ExposedMedia?(Proof), Ink?, InkZoneProfile?, Layout?, Media*, PrintCondition?, RunList?, Sheet?, TransferCurvePool? } -> { Component!, Component?(Waste) }
DigitalPrinting { ColorantControl?, Component*(Input), Component?(Proof), DigitalPrintingParams!, ExposedMedia?, Ink?, Layout?, Media*, PrintCondition?, RunList!, Sheet?, TransferCurvePool? } -> { Component!, Component?(Waste) }
IDPrinting ..1.0 { ColorantControl?, Component?(Cover), Component?(Input), Component?(Proof), ExposedMedia?, FontPolicy?, IDPrintingParams?, Ink?, InterpretingParams*, Media?, RenderingParams?, RunList!, ScreeningParams?, TransferFunctionControl? } -> { Component!(Good), Component?(Waste) }
Varnishing 1.4 { Component?, ExposedMedia*, Ink?, Media?, VarnishingParams? } -> { Component! }

AdhesiveBinding ..1.0 { AdhesiveBindingParams!, Component!(BookBlock), Component?(Cover) } -> { Component! }
BlockPreparation 1.1 { BlockPreparationParams!, Component! } -> { Component! }
BoxPacking 1.1 { BoxPackingParams!, Component!, Component?(Box), Media?(Tie), Media?(Underlay) } -> { Component! }
Bundling 1.2 { BundlingParams?, Component!, Media? } -> { Component! }
CaseMaking 1.1 { CaseMakingParams!, Component?(CoverMaterial), Media!(CoverBoard), Media?(CoverMaterial), Media?(SpineBoard) } -> { Component! }
CasingIn 1.1 { CasingInParams!, Component!, Component!(Case) } -> { Component! }
ChannelBinding { ChannelBindingParams!, Component!(BookBlock), Component?(Cover) } -> { Component! }
CoilBinding { CoilBindingParams!, Component! } -> { Component! }
Collecting { Assembly?, CollectingParams?, Component+, DBRules*, DBSelection?, IdentificationField? } -> { Component! }
CoverApplication 1.1 { Component!, Component?(Cover), CoverApplicationParams! } -> { Component! }
Creasing 1.1 { Component!, CreasingParams! } -> { Component! }
Cutting { Component?, CutBlock*, CutMark*, CuttingParams!, Media? } -> { Component*, Media* }
DieMaking 1.4 { DieLayout! } -> { Tool+ }
Dividing ..1.0 { Component!, DividingParams! } -> { Component! }
Embossing 1.1 { Component!, EmbossingParams!, Media*, Tool* } -> { Component! }
EndSheetGluing { Component!(FrontEndSheet), Component?(BackEndSheet), Component?(BookBlock), EndSheetGluingParams! } -> { Component! }
Feeding 1.2 { Component*, FeedingParams!, Media* } -> { Component*, Media* }
Folding { Component!, FoldingParams! } -> { Component! }
Gathering { Assembly?, Component+, DBRules*, DBSelection?, GatheringParams!, IdentificationField? } -> { Component! }
Gluing 1.1 { Component!, GluingParams! } -> { Component! }
HeadBandApplication 1.1 { Component!, HeadBandApplicationParams! } -> { Component! }
HoleMaking { Component!, HoleMakingParams! } -> { Component! }
Inserting { Component!, Component!(Child), DBRules?, DBSelection?, IdentificationField?, InsertingParams! } -> { Component! }
Jacketing 1.1 { Component!(Book), Component!(Jacket), JacketingParams! } -> { Component! }
Labeling 1.1 { Component!, Component?(Label), LabelingParams! } -> { Component! }
Laminating { Component!, LaminatingParams!, Media? } -> { Component! }
LongitudinalRibbonOperations ..1.0 { Component!, LongitudinalRibbonOperationParams! } -> { Component+ }
Numbering ..1.4 { Component!, NumberingParams! } -> { Component! }
Palletizing 1.1 { Component+, Pallet!, PalletizingParams! } -> { Component! }
Perforating 1.1 { Component!, PerforatingParams! } -> { Component! }
PlasticCombBinding { Component!, PlasticCombBindingParams! } -> { Component! }
PrintRolling 1.2 { Component!, PrintRollingParams?, RollStand? } -> { Component! }
RingBinding { Component!, Component?(RingBinder), RingBindingParams! } -> { Component! }
SaddleStitching ..1.0 { Component!, SaddleStitchingParams! } -> { Component! }
ShapeCutting 1.1 { Component?, Media?, ShapeCuttingParams!, Tool? } -> { Component! }
Shrinking 1.1 { Component!, ShrinkingParams! } -> { Component! }
SideSewing ..1.0 { Component!, SideSewingParams! } -> { Component! }
SpinePreparation 1.1 { Component!, SpinePreparationParams! } -> { Component! }
SpineTaping 1.1 { Component!, SpineTapingParams! } -> { Component! }
Stacking 1.1 { Component!, StackingParams! } -> { Component! }
StaticBlocking 1.1 { Component!, StaticBlockingParams! } -> { Component! }
Stitching { Component!, StitchingParams! } -> { Component! }
Strapping 1.1 { Component!, Strap?, StrappingParams! } -> { Component! }
StripBinding 1.1 { Component!, StripBindingParams! } -> { Component! }
ThreadSealing 1.1 { Component!, ThreadSealingParams! } -> { Component! }
ThreadSewing { Component!, ThreadSewingParams! } -> { Component! }
Trimming { Component!, TrimmingParams! } -> { Component! }
WebInlineFinishing 1.3 { Assembly?, Component!, ProductionPath?, StrippingParams?, WebInlineFinishingParams? } -> { Component! }
Winding 1.5 { Component!, Media?, WindingParams? } -> { Component!, Media?(Core) }
WireCombBinding { Component!, WireCombBindingParams! } -> { Component! }
Wrapping 1.1 { Component!, Media?, WrappingParams! } -> { Component! }
BoxFolding 1.3 { BoxFoldingParams!, Component!, Component*(Application) } -> { Component! }
}
