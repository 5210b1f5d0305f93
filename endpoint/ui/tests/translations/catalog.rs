//! The translations of one language, as their `.po` file has them: as much of that format as these files use.

use crate::strings::Key;

pub(crate) struct Catalog {
    pub(crate) entries: Vec<Entry>,
}

pub(crate) struct Entry {
    pub(crate) key: Key,
    /// One, or one for each plural form.
    pub(crate) forms: Vec<String>,
}

/// What the continued lines of a text are added to.
#[derive(Default)]
struct Draft {
    context: Option<String>,
    id: Option<String>,
    plural: Option<String>,
    forms: Vec<String>,
    last: Option<Field>,
}

#[derive(Clone, Copy)]
enum Field {
    Context,
    Id,
    Plural,
    Form,
}

impl Catalog {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut entries = Vec::new();
        for block in text.split("\n\n") {
            let mut draft = Draft::default();
            for line in block
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
            {
                draft.take(line)?;
            }
            let Some(id) = draft.id.filter(|id| !id.is_empty()) else {
                continue;
            };
            let key = Key {
                context: draft.context,
                id,
                plural: draft.plural,
            };
            entries.push(Entry {
                key,
                forms: draft.forms,
            });
        }
        Ok(Self { entries })
    }
}

impl Draft {
    fn take(&mut self, line: &str) -> Result<(), String> {
        let at = line
            .find('"')
            .ok_or_else(|| format!("no text in {line:?}"))?;
        let text = line[at + 1..]
            .strip_suffix('"')
            .ok_or_else(|| format!("a text does not end: {line:?}"))?;
        match line[..at].trim() {
            "" => self.more(text)?,
            "msgctxt" => self.begin(Field::Context, text),
            "msgid" => self.begin(Field::Id, text),
            "msgid_plural" => self.begin(Field::Plural, text),
            word if word == "msgstr" || word == format!("msgstr[{}]", self.forms.len()) => {
                self.begin(Field::Form, text)
            }
            word => return Err(format!("{word:?} is not expected here: {line:?}")),
        }
        Ok(())
    }

    fn begin(&mut self, field: Field, text: &str) {
        self.last = Some(field);
        match field {
            Field::Context => self.context = Some(text.to_owned()),
            Field::Id => self.id = Some(text.to_owned()),
            Field::Plural => self.plural = Some(text.to_owned()),
            Field::Form => self.forms.push(text.to_owned()),
        }
    }

    fn more(&mut self, text: &str) -> Result<(), String> {
        let place = match self.last {
            Some(Field::Context) => self.context.as_mut(),
            Some(Field::Id) => self.id.as_mut(),
            Some(Field::Plural) => self.plural.as_mut(),
            Some(Field::Form) => self.forms.last_mut(),
            None => None,
        };
        place
            .ok_or_else(|| format!("{text:?} continues nothing"))?
            .push_str(text);
        Ok(())
    }
}
