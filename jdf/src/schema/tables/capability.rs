//! What a device can do: capabilities, states, actions, tests (JDF 1.5, Device Capability Definitions).

elements! { CAPABILITY
DeviceCap: Element 1.1 {
    CombinedMethod: Enums 1.1, ExecutionPolicy: Enum 1.2, GenericAttributes: Names, Lang: Languages 1.2, OptionalCombinedTypes: Names 1.2 ..1.1, Type: Name ..1.1,
    TypeExpression: RegExp 1.2, TypeOrder: Enum(Fixed Unordered Unrestricted) 1.1 ..1.1, Types: Names 1.1,
} [ActionPool? DevCapPool? DevCaps* DisplayGroupPool? FeaturePool? MacroPool? ModulePool? Performance* TestPool?]
DevCaps: Plain 1.1 {
    Availability: Enum 1.2, Context: Enum 1.2, DevCapRef: IdRefs 1.3, DevNS: Url, ID: Id 1.2, LinkUsage: Enum(Input Output) 1.2, ModuleRefs: IdRefs 1.3,
    Name ! Name, ProcessUsage: Name 1.3, Required: Boolean 1.2, ResourceUpdate: Names 1.2 ..1.2, ResourceUsage: Name 1.3, TypeOccurrenceNum: IntegerRanges 1.2, Types: Names 1.1 ..1.1,
} [DevCap* Loc*]
DevCapPool: Plain 1.3 {} [DevCap+]
DevCap: Plain 1.1 {
    Availability: Enum 1.2, DevCapRefs: IdRefs 1.3, DevNS: Url, ID: Id 1.3, MaxOccurs: Integer, MinOccurs: Integer, ModuleRefs: IdRefs 1.3, Name: Name, ResourceUsage: Name 1.3,
} [BooleanState* DateTimeState* DevCap* DurationState* EnumerationState* IntegerState* Loc* MatrixState* NameState* NumberState* PDFPathState* RectangleState* ShapeState* StringState* XYPairState*]
BooleanState: State 1.1 { AllowedValueList: Enums, CurrentValue: Boolean, DefaultValue: Boolean, PresentValueList: Enums } [ValueLoc*]
DateTimeState: State 1.2 { AllowedValueDurationList: DurationRanges, AllowedValueList: DateTimeRanges, CurrentValue: DateTime, DefaultValue: DateTime, PresentValueDurationList: DurationRanges, PresentValueList: DateTimeRanges } [ValueLoc*]
DurationState: State 1.2 { AllowedValueList: DurationRanges, CurrentValue: Duration, DefaultValue: Duration, PresentValueList: DurationRanges } [ValueLoc*]
EnumerationState: State 1.1 { AllowedValueList: Names, CurrentValue: Name, DefaultValue: Name, PresentValueList: Names } [ValueLoc*]
IntegerState: State 1.1 {
    AllowedValueList: IntegerRanges, AllowedValueMax: Integer, AllowedValueMin: Integer, AllowedValueMod: XyPair 1.2, CurrentValue: Integer, DefaultValue: Integer, PresentValueList: IntegerRanges, PresentValueMax: Integer, PresentValueMin: Integer, PresentValueMod: XyPair 1.2, UnitType: Name 1.2,
} [ValueLoc*]
MatrixState: State 1.1 { AllowedRotateMod: Number 1.2, AllowedShift: Numbers 1.2, AllowedTransforms: Enums 1.2, CurrentValue: Matrix, DefaultValue: Matrix, PresentRotateMod: Number 1.2, PresentShift: Numbers 1.2, PresentTransforms: Enums 1.2 } [Value*]
NameState: State 1.1 { AllowedRegExp: RegExp 1.2, AllowedValueList: Names, CurrentValue: Name, DefaultValue: Name, PresentRegExp: RegExp 1.2, PresentValueList: Names } [ValueLoc*]
NumberState: State 1.1 {
    AllowedValueList: NumberRanges, AllowedValueMax: Number, AllowedValueMin: Number, AllowedValueMod: XyPair 1.2, CurrentValue: Number, DefaultValue: Number, PresentValueList: NumberRanges, PresentValueMax: Number, PresentValueMin: Number, PresentValueMod: XyPair 1.2, UnitType: Name 1.2,
} [ValueLoc*]
PDFPathState: State 1.2 { AllowedLength: IntegerRange, CurrentValue: PdfPath, DefaultValue: PdfPath, PresentLength: IntegerRange } [Value*]
RectangleState: State 1.2 { AllowedHWRelation: Text, AllowedValueList: RectangleRanges, CurrentValue: Rectangle, DefaultValue: Rectangle, PresentHWRelation: Text, PresentValueList: RectangleRanges } [ValueLoc*]
ShapeState: State 1.1 {
    AllowedValueList: ShapeRanges, AllowedValueMax: Shape, AllowedValueMin: Shape, AllowedX: NumberRanges 1.2, AllowedY: NumberRanges 1.2, AllowedZ: NumberRanges 1.2, CurrentValue: Shape, DefaultValue: Shape, PresentValueList: ShapeRanges, PresentValueMax: Shape, PresentValueMin: Shape, PresentX: NumberRanges 1.2, PresentY: NumberRanges 1.2, PresentZ: NumberRanges 1.2,
} [ValueLoc*]
StringState: State 1.1 { AllowedLength: IntegerRange 1.2, AllowedRegExp: RegExp 1.2, CurrentValue: Text, DefaultValue: Text, PresentLength: IntegerRange 1.2, PresentRegExp: RegExp 1.2 } [Value*]
XYPairState: State 1.1 {
    AllowedValueList: XyPairRanges, AllowedValueMax: XyPair, AllowedValueMin: XyPair, AllowedXYRelation: Text 1.2, CurrentValue: XyPair, DefaultValue: XyPair, PresentValueList: XyPairRanges, PresentValueMax: XyPair, PresentValueMin: XyPair, PresentXYRelation: Text 1.2, UnitType: Name 1.2,
} [ValueLoc*]
Loc: Plain 1.2 { HelpText: Text, Lang: Language, ShortValue: Text, Value: Text } []
ValueLoc: Plain 1.2 { Value ! Text } [Loc*]
Value: Plain 1.1 { AllowedValue: Text, PresentValue: Text, ValueUsage: Enum(Present Allowed), Value: Text } [Loc*]
ActionPool: Plain 1.2 {} [Action+]
Action: Plain 1.2 { ID ! Id, Severity: Enum(Error Information Warning), TestRef ! IdRef } [Loc* PreflightAction*]
TestPool: Plain 1.2 {} [Test+]
Test: Plain 1.2 { ID ! Id } []
TestRef: Plain 1.2 { rRef ! IdRef } []
and: Plain 1.2 {} []
or: Plain 1.2 {} []
xor: Plain 1.2 {} []
not: Plain 1.2 {} []
BooleanEvaluation: Evaluation 1.2 { ValueList: Enums } []
DateTimeEvaluation: Evaluation 1.2 { ValueDurationList: DurationRanges, ValueList: DateTimeRanges } []
DurationEvaluation: Evaluation 1.2 { ValueRange: DurationRanges } []
EnumerationEvaluation: Evaluation 1.2 { ValueList: Names } []
IntegerEvaluation: Evaluation 1.2 { ValueList: IntegerRanges, ValueMod: XyPair } []
IsPresentEvaluation: Evaluation 1.2 {} []
MatrixEvaluation: Evaluation 1.2 { RotateMod: Number, Shift: Numbers, Tolerance: XyPair, Transforms: Enums } [Value*]
NameEvaluation: Evaluation 1.2 { RegExp ! RegExp, ValueList: Names } []
NumberEvaluation: Evaluation 1.2 { Tolerance: XyPair, ValueList: NumberRanges, ValueMod: XyPair } []
PDFPathEvaluation: Evaluation 1.2 { Length: IntegerRange } [Value*]
RectangleEvaluation: Evaluation 1.2 { HWRelation: Text, Tolerance: XyPair, ValueList: RectangleRanges } []
ShapeEvaluation: Evaluation 1.2 { Tolerance: XyPair, ValueList: ShapeRanges, X: NumberRanges, Y: NumberRanges, Z: NumberRanges } []
StringEvaluation: Evaluation 1.2 { Length: IntegerRange, RegExp: RegExp } [Value*]
XYPairEvaluation: Evaluation 1.2 { Tolerance: XyPair, ValueList: XyPairRanges, XYRelation: Text } []
DisplayGroupPool: Plain 1.2 {} [DisplayGroup+]
DisplayGroup: Plain 1.2 { rRefs ! IdRefs } [Loc*]
FeaturePool: Plain 1.2 {} []
MacroPool: Plain 1.2 {} [macro+]
ModulePool: Plain 1.3 {} [ModuleCap+]
ModuleCap: Plain 1.3 { Availability: Enum, DescriptiveName: Text, ID ! Id, ModuleIndex ! Integer } [Loc*]
Performance: Plain 1.1 { AverageAmount: Number, AverageCleanup: Duration, AverageSetup: Duration, DevCapsRef: IdRef 1.2, MaxAmount: Number, MaxCleanup: Duration, MaxSetup: Duration, MinAmount: Number, MinCleanup: Duration, MinSetup: Duration, Name: Name ..1.1, Unit: Name } []
PreflightAction: Plain 1.2 { SetRef: IdRef, SetSplitBy: Enum } []
}
