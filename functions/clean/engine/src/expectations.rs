//! What a recipe expects of every answer: to be one of some labels, to have a length, a language, or
//! to fit a schema.

mod answer_schema;

use std::collections::HashSet;

use whatlang::Lang;

use self::answer_schema::AnswerSchema;
use rapidfuzz::distance::osa;

use crate::{
    example::{Example, Role},
    folded::folded_name,
    json::{Text, parse},
    rule::Fault,
    rules::unexpected_answer,
    settings::Settings,
};

/// Languages by their codes of two letters (ISO 639-1), where people write those.
const SHORT_CODES: &[(&str, Lang)] = &[
    ("ar", Lang::Ara),
    ("cs", Lang::Ces),
    ("da", Lang::Dan),
    ("de", Lang::Deu),
    ("el", Lang::Ell),
    ("en", Lang::Eng),
    ("es", Lang::Spa),
    ("fi", Lang::Fin),
    ("fr", Lang::Fra),
    ("hi", Lang::Hin),
    ("hu", Lang::Hun),
    ("id", Lang::Ind),
    ("it", Lang::Ita),
    ("ja", Lang::Jpn),
    ("ko", Lang::Kor),
    ("nl", Lang::Nld),
    ("pl", Lang::Pol),
    ("pt", Lang::Por),
    ("ro", Lang::Ron),
    ("ru", Lang::Rus),
    ("sv", Lang::Swe),
    ("th", Lang::Tha),
    ("tr", Lang::Tur),
    ("uk", Lang::Ukr),
    ("vi", Lang::Vie),
    ("zh", Lang::Cmn),
];

/// What is expected of the last answer of every row.
#[derive(Debug, Default)]
pub(crate) struct Expectations {
    labels: HashSet<String>,
    /// Least and most characters.
    chars: Option<[u64; 2]>,
    language: Option<Lang>,
    schema: Option<AnswerSchema>,
}

impl Expectations {
    /// What `settings` expect; `None` where they expect nothing.
    ///
    /// # Errors
    /// What is wrong with the settings, for people.
    pub(crate) fn of(settings: &Settings) -> Result<Option<Self>, String> {
        let chars = settings.output_chars;
        if let Some([least, most]) = chars
            && (least > most || most == 0)
        {
            return Err(format!(
                "`output_chars` is [{least}, {most}], expected the least and the most characters"
            ));
        }
        let language = settings.language.as_deref().map(language).transpose()?;
        let schema = settings.output_schema.as_ref();
        let schema = schema.map(AnswerSchema::of).transpose()?;
        let labels = settings.labels.iter();
        let expected = Self {
            labels: labels.map(|label| label.trim().to_owned()).collect(),
            chars,
            language,
            schema,
        };
        let is_any = !expected.labels.is_empty()
            || chars.is_some()
            || language.is_some()
            || expected.schema.is_some();
        Ok(is_any.then_some(expected))
    }

    /// Whether the language of answers must be known.
    pub(crate) fn needs_language(&self) -> bool {
        self.language.is_some()
    }

    /// What is unexpected about the last answer of `example`, which is in `found`, where that is certain.
    pub(crate) fn check(&self, example: &Example<'_>, found: Option<Lang>) -> Option<Fault> {
        let turn = example.turns.last()?;
        if turn.role != Role::Model {
            return None;
        }
        let message = match turn.texts().next() {
            Some(text) => self.unexpected(text, found)?,
            // A call of a function, where a text is expected.
            None => "the answer is not a text".to_owned(),
        };
        let fault = Fault::new(&unexpected_answer::RULE).at(turn.location.at);
        Some(fault.path(turn.location).with_message(message))
    }

    /// What is wrong with an answer that is not a label, and the label that it is nearest to.
    fn no_label(&self, answer: &str) -> String {
        let found = folded_name(answer);
        let distances = self.labels.iter().map(|label| {
            let name = folded_name(label);
            let distance = osa::distance(found.chars(), name.chars());
            (distance, name.chars().count(), label)
        });
        let nearest = distances.filter(|(distance, length, _)| distance * 3 <= *length);
        match nearest.min_by_key(|(distance, _, label)| (*distance, *label)) {
            Some((_, _, label)) => {
                format!("the answer is none of `labels`: did you mean `{label}`?")
            }
            None => "the answer is none of `labels`".to_owned(),
        }
    }

    fn unexpected(&self, text: &Text<'_>, found: Option<Lang>) -> Option<String> {
        let plain = text.plain();
        if !self.labels.is_empty() && !self.labels.contains(plain.trim()) {
            return Some(self.no_label(plain.trim()));
        }
        if let Some([least, most]) = self.chars {
            let chars = u64::try_from(plain.chars().count()).unwrap_or(u64::MAX);
            if !(least..=most).contains(&chars) {
                return Some(format!(
                    "the answer has {chars} characters, expected {least} to {most}"
                ));
            }
        }
        if let (Some(expected), Some(found)) = (self.language, found)
            && expected != found
        {
            return Some(format!(
                "the answer is in {}, expected {}",
                found.eng_name(),
                expected.eng_name()
            ));
        }
        let schema = self.schema.as_ref()?;
        let Ok(parsed) = parse(&plain) else {
            return Some("the answer is not JSON, as `output_schema` expects".to_owned());
        };
        let fault = schema.check(&parsed.node.value, "$").err()?;
        Some(format!("the answer does not fit `output_schema`: {fault}"))
    }
}

/// The language with this code, of two or three letters.
fn language(code: &str) -> Result<Lang, String> {
    let short = SHORT_CODES.iter().find(|(short, _)| *short == code);
    let found = short
        .map(|(_, lang)| *lang)
        .or_else(|| Lang::from_code(code));
    found.ok_or_else(|| {
        format!("`language` is \"{code}\", expected a code such as \"en\" or \"eng\" (ISO 639)")
    })
}

#[cfg(test)]
mod tests {
    use crate::{
        rules::tests::{report_by, report_on},
        settings::Settings,
    };

    /// The rows that are left out for an unexpected answer, by a table of settings.
    #[track_caller]
    fn left_out(table: &str, answers: &[&str]) -> Vec<u64> {
        let settings: Settings = toml::from_str(table).unwrap();
        settings.check().unwrap();
        let row = |(n, answer): (usize, &&str)| {
            let answer = serde_json::to_string(answer).unwrap();
            format!("{{\"input\":\"question {n}\",\"output\":{answer}}}\n")
        };
        let rows: String = answers.iter().enumerate().map(row).collect();
        let report = report_by(&rows, &settings);
        let found = report.findings.iter();
        let found = found.filter(|finding| finding.code == "unexpected_answer");
        found.map(|finding| finding.line).collect()
    }

    #[test]
    fn what_a_recipe_expects_is_never_short() {
        for table in ["labels = ['refund', 'other']", "output_chars = [2, 20]"] {
            let answers: Vec<&str> = ["refund", "other"].repeat(4);
            assert_eq!(left_out(table, &answers), [0_u64; 0], "{table}");
        }
        let settings: Settings = toml::from_str("labels = ['refund', 'other']").unwrap();
        let rows = "{\"input\":\"a\",\"output\":\"Refunds\"}\n";
        let report = report_by(rows, &settings);
        let finding = report
            .findings
            .iter()
            .find(|f| f.code == "unexpected_answer");
        assert_eq!(
            finding.unwrap().message,
            "the answer is none of `labels`: did you mean `refund`?"
        );
    }

    #[test]
    fn answers_are_held_to_the_labels() {
        let answers = [
            "yes it is",
            "no it is not",
            "No it is not",
            "maybe it is so",
        ];
        let table = "labels = ['yes it is', 'no it is not']";
        assert_eq!(left_out(table, &answers), [3, 4]);
    }

    #[test]
    fn answers_are_held_to_a_length() {
        let answers = ["one two three", "one two three four", "ein zwei dreiß"];
        assert_eq!(left_out("output_chars = [1, 14]", &answers), [2]);
        assert_eq!(left_out("output_chars = [14, 99]", &answers), [1]);
    }

    #[test]
    fn answers_are_held_to_a_language() {
        let english = "The answer to this question is on the first page of the book.";
        let german = "Die Antwort steht auf der ersten Seite, und sie ist nicht schwer zu finden.";
        let uncertain = "Anna Kim 4711";
        let answers = [english, german, uncertain];
        assert_eq!(left_out("language = 'en'", &answers), [2]);
        assert_eq!(left_out("language = 'deu'", &answers), [1]);
    }

    #[test]
    fn answers_are_held_to_a_schema() {
        let table = r#"
            [output_schema]
            type = "object"
            required = ["name"]
            additionalProperties = false
            properties = { name = { type = "string", maxLength = 5 }, age = { type = ["integer", "null"], minimum = 0 }, kind = { enum = ["a", "b"] }, tags = { type = "array", items = { type = "string" } } }
        "#;
        let answers = [
            r#"{"name":"Ada","age":36,"kind":"b","tags":["x"]}"#,
            r#"{"name":"Ada","age":null}"#,
            r#"{"age":36}"#,
            r#"{"name":"Ada","age":36.5}"#,
            r#"{"name":"Ada","age":-1}"#,
            r#"{"name":"Adalbert"}"#,
            r#"{"name":"Ada","kind":"c"}"#,
            r#"{"name":"Ada","tags":["x",7]}"#,
            r#"{"name":"Ada","more":true}"#,
            "Ada is 36 years old",
        ];
        assert_eq!(left_out(table, &answers), [3, 4, 5, 6, 7, 8, 9, 10]);
    }

    #[test]
    fn wrong_expectations_are_named() {
        for (table, expected) in [
            ("output_chars = [5, 4]", "`output_chars` is [5, 4]"),
            ("language = 'klingon'", "`language` is \"klingon\""),
            (
                "output_schema = { type = 'object', oneOf = [] }",
                "`output_schema` has `oneOf`",
            ),
            ("output_schema = { type = 'text' }", "found `text`"),
        ] {
            let settings: Settings = toml::from_str(table).unwrap();
            let message = settings.check().unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
        let rows = "{\"input\":\"a\",\"output\":\"one two three\"}\n";
        assert!(!report_on(rows).codes.contains_key("unexpected_answer"));
    }
}
