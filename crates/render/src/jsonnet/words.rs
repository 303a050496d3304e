//! What is wrong with a Jsonnet text, in a sentence, and where.

use rsjsonnet_lang::lexer::LexError;
use rsjsonnet_lang::parser::{ActualToken, ParseError};
use rsjsonnet_lang::program::{AnalyzeError, EvalErrorKind, EvalErrorValueType};
use rsjsonnet_lang::span::SpanId;

use super::evaluate::STACK_FRAMES_MAX;

/// Characters that are no word.
pub(super) fn of_letters(error: &LexError) -> (SpanId, String) {
    let (span, text) = match error {
        LexError::InvalidChar { span, chr } => (span, format!("`{chr}` means nothing here")),
        LexError::InvalidUtf8 { span, .. } => (span, "the file is not UTF-8".into()),
        LexError::UnfinishedMultilineComment { span } => (span, "the comment has no end".into()),
        LexError::LeadingZeroInNumber { span } => (span, "a number begins with a zero".into()),
        LexError::MissingFracDigits { span } => (span, "a number has no digits after `.`".into()),
        LexError::MissingExpDigits { span } => (span, "a number has no digits after `e`".into()),
        LexError::MissingDigitAfterUnderscore { span } => {
            (span, "a number has no digit after `_`".into())
        }
        LexError::ExpOverflow { span } => (span, "the exponent is too large".into()),
        LexError::InvalidEscapeInString { span, chr } => {
            (span, format!("`\\{chr}` stands for nothing in a text"))
        }
        LexError::IncompleteUnicodeEscape { span }
        | LexError::InvalidUtf16EscapeSequence { span, .. } => {
            (span, "`\\u` needs four hexadecimal digits that are a character".into())
        }
        LexError::UnfinishedString { span } => (span, "the text has no end".into()),
        LexError::MissingLineBreakAfterTextBlockStart { span } => {
            (span, "a block of text begins on the line after `|||`".into())
        }
        LexError::MissingWhitespaceTextBlockStart { span } => {
            (span, "a block of text must be indented".into())
        }
        LexError::InvalidTextBlockTermination { span } => {
            (span, "a block of text must end with `|||` on its own line".into())
        }
    };
    (*span, text)
}

/// Words in the wrong order.
pub(super) fn of_syntax(error: &ParseError) -> (SpanId, String) {
    let ParseError::Expected { span, instead, .. } = error;
    let instead = match instead {
        ActualToken::EndOfFile => "the end of the file".to_owned(),
        ActualToken::Simple(_) => "this word or sign".to_owned(),
        ActualToken::OtherOp(text) | ActualToken::Ident(text) => format!("`{text}`"),
        ActualToken::Number => "a number".to_owned(),
        ActualToken::String | ActualToken::TextBlock => "a text".to_owned(),
    };
    (*span, format!("{instead} cannot stand here"))
}

/// Names that mean nothing, or two things.
pub(super) fn of_names(error: &AnalyzeError) -> (SpanId, String) {
    match error {
        AnalyzeError::UnknownVariable { span, name } => {
            (*span, format!("there is no variable `{name}`"))
        }
        AnalyzeError::SelfOutsideObject { self_span: span } => {
            (*span, "`self` is outside of an object".into())
        }
        AnalyzeError::SuperOutsideObject { super_span: span } => {
            (*span, "`super` is outside of an object".into())
        }
        AnalyzeError::DollarOutsideObject { dollar_span: span } => {
            (*span, "`$` is outside of an object".into())
        }
        AnalyzeError::RepeatedLocalName { repeated_span: span, name, .. } => {
            (*span, format!("the variable `{name}` is there twice"))
        }
        AnalyzeError::RepeatedFieldName { repeated_span: span, name, .. } => {
            (*span, format!("the field `{name}` is there twice"))
        }
        AnalyzeError::RepeatedParamName { repeated_span: span, name, .. } => {
            (*span, format!("the parameter `{name}` is there twice"))
        }
        AnalyzeError::PositionalArgAfterNamed { arg_span: span } => {
            (*span, "an argument without a name follows one with a name".into())
        }
        AnalyzeError::TextBlockAsImportPath { span }
        | AnalyzeError::ComputedImportPath { span } => {
            (*span, "the path of an import must be written out".into())
        }
    }
}

fn name(kind: EvalErrorValueType) -> &'static str {
    match kind {
        EvalErrorValueType::Null => "null",
        EvalErrorValueType::Bool => "a boolean",
        EvalErrorValueType::Number => "a number",
        EvalErrorValueType::String => "a string",
        EvalErrorValueType::Array => "an array",
        EvalErrorValueType::Object => "an object",
        EvalErrorValueType::Function => "a function",
    }
}

/// Values that do not fit.
pub(super) fn of_evaluation(error: &EvalErrorKind) -> (Option<SpanId>, String) {
    of_calls(error).or_else(|| of_operators(error)).unwrap_or_else(|| of_values(error))
}

/// What is wrong with calls and with the evaluation as a whole.
fn of_calls(error: &EvalErrorKind) -> Option<(Option<SpanId>, String)> {
    use EvalErrorKind as Kind;
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other functions have the rest")]
    let found = match error {
        Kind::StackOverflow => (
            None,
            format!(
                "more than {STACK_FRAMES_MAX} calls lie in each other; a function may call itself \
                 without end"
            ),
        ),
        Kind::InfiniteRecursion => (None, "the value is needed to compute itself".into()),
        Kind::CalleeIsNotFunction { span, got_type } => {
            (*span, format!("{} is called, which is no function", name(*got_type)))
        }
        Kind::TooManyCallArgs { span, num_params } => {
            (*span, format!("the function has only {num_params} parameters"))
        }
        Kind::UnknownCallParam { span, param_name } => {
            (*span, format!("the function has no parameter `{param_name}`"))
        }
        Kind::RepeatedCallParam { span, param_name } => {
            (*span, format!("the parameter `{param_name}` is given twice"))
        }
        Kind::CallParamNotBound { span, param_name } => (
            *span,
            format!("the parameter `{param_name}` is not given (`tlas` gives it to a file)"),
        ),
        Kind::NativeCallFailed => (None, "`std.native` has no functions here".into()),
        Kind::InvalidStdFuncArgType { func_name, arg_index, expected_types, got_type } => {
            let expected: Vec<&str> = expected_types.iter().map(|one| name(*one)).collect();
            let (expected, got) = (expected.join(" or "), name(*got_type));
            let position = arg_index + 1;
            (None, format!("argument {position} of `std.{func_name}` is {got}, not {expected}"))
        }
        Kind::AssertFailed { span, message } => {
            let more = message.as_ref().map(|text| format!(": {text}")).unwrap_or_default();
            (Some(*span), format!("an assertion does not hold{more}"))
        }
        Kind::AssertEqualFailed { lhs, rhs } => (None, format!("{lhs} is not {rhs}")),
        Kind::ExplicitError { span, message } => (Some(*span), message.clone()),
        Kind::ImportFailed { span, path } => (
            Some(*span),
            format!(
                "there is no file `{path}` to import: files of the repository are looked for beside \
                 this one, in `libs` and in the source's folder"
            ),
        ),
        Kind::UnknownExtVar { name } => {
            (None, format!("there is no external variable `{name}`; `extVars` gives it"))
        }
        Kind::ManifestFunction => (None, "a function is no value of a manifest".into()),
        Kind::Other { span, message } => (*span, message.clone()),
        _ => return None,
    };
    Some(found)
}

/// What is wrong with numbers, operators and comparisons.
fn of_operators(error: &EvalErrorKind) -> Option<(Option<SpanId>, String)> {
    use EvalErrorKind as Kind;
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other functions have the rest")]
    let found = match error {
        Kind::InvalidUnaryOpType { span, op, rhs_type } => {
            (Some(*span), format!("the operator {op:?} is not for {}", name(*rhs_type)))
        }
        Kind::InvalidBinaryOpTypes { span, op, lhs_type, rhs_type } => (
            *span,
            format!("the operator {op:?} is not for {} and {}", name(*lhs_type), name(*rhs_type)),
        ),
        Kind::NumberNotBitwiseSafe { span } => {
            (*span, "the number is too large to look at its bits".into())
        }
        Kind::NumberOverflow { span } => (*span, "the number becomes too large".into()),
        Kind::NumberNan { span } => (*span, "the result is no number".into()),
        Kind::DivByZero { span } => (*span, "a number is divided by zero".into()),
        Kind::ShiftByNegative { span } => (*span, "bits are moved by less than nothing".into()),
        Kind::CompareNullInequality => (None, "null is not less or more than anything".into()),
        Kind::CompareBooleanInequality => {
            (None, "a boolean is not less or more than another".into())
        }
        Kind::CompareObjectInequality => {
            (None, "an object is not less or more than another".into())
        }
        Kind::CompareFunctions => (None, "functions cannot be compared".into()),
        Kind::CompareDifferentTypesInequality { lhs_type, rhs_type } => {
            (None, format!("{} cannot be less or more than {}", name(*lhs_type), name(*rhs_type)))
        }
        Kind::PrimitiveEqualsNonPrimitive { got_type } => {
            (None, format!("`std.primitiveEquals` is not for {}", name(*got_type)))
        }
        _ => return None,
    };
    Some(found)
}

/// What is wrong with fields, items and conditions.
#[expect(clippy::wildcard_enum_match_arm, reason = "the other functions have the rest")]
fn of_values(error: &EvalErrorKind) -> (Option<SpanId>, String) {
    use EvalErrorKind as Kind;
    match error {
        Kind::InvalidIndexedType { span, got_type } => {
            (Some(*span), format!("{} has no items and no fields", name(*got_type)))
        }
        Kind::InvalidSlicedType { span, got_type } => {
            (Some(*span), format!("{} has no slices", name(*got_type)))
        }
        Kind::SliceIndexOrStepIsNotNumber { span, got_type }
        | Kind::StringIndexIsNotNumber { span, got_type }
        | Kind::ArrayIndexIsNotNumber { span, got_type } => {
            (Some(*span), format!("an index must be a number and is {}", name(*got_type)))
        }
        Kind::NumericIndexIsNotValid { span, index } => {
            (Some(*span), format!("{index} is no index"))
        }
        Kind::NumericIndexOutOfRange { span, index, length } => {
            (Some(*span), format!("there is no item {index} among {length}"))
        }
        Kind::ObjectIndexIsNotString { span, got_type }
        | Kind::FieldNameIsNotString { span, got_type } => (
            Some(*span),
            format!("the name of a field must be a string and is {}", name(*got_type)),
        ),
        Kind::RepeatedFieldName { span, name } => {
            (Some(*span), format!("the field `{name}` is there twice"))
        }
        Kind::UnknownObjectField { span, field_name } => {
            (Some(*span), format!("there is no field `{field_name}`"))
        }
        Kind::FieldOfNonObject { span } => {
            (Some(*span), "a field is asked of what is no object".into())
        }
        Kind::SuperWithoutSuperObject { span } => {
            (Some(*span), "`super` is used where no object is extended".into())
        }
        Kind::ForSpecValueIsNotArray { span, got_type } => {
            (Some(*span), format!("`for` goes through arrays, and this is {}", name(*got_type)))
        }
        Kind::CondIsNotBool { span, got_type } => {
            (Some(*span), format!("a condition must be a boolean and is {}", name(*got_type)))
        }
        other => (None, format!("it cannot be evaluated: {other:?}")),
    }
}
