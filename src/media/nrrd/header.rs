//! The header of an NRRD file: lines of text up to an empty one.

use crate::error::{Error, Result};
use crate::media::picture::from_io;
use std::io::{BufRead, Read};

const NRRD: &str = "NRRD";
/// The longest accepted header, bytes.
const LONGEST: u64 = 1 << 16;
/// The most fields, and the longest value of one, bytes: far more than files have.
const MOST: (usize, usize) = (100, 4096);
/// The longest name of a field, bytes.
const LONGEST_NAME: usize = 64;

/// The fields of a header. Names are in lower case and without spaces.
pub(super) struct Header {
    fields: Vec<(String, String)>,
    /// The number of `key:=value` pairs.
    pub pairs: usize,
}

impl Header {
    /// Reads the header; the samples follow in `reader`.
    pub fn read(reader: &mut impl BufRead) -> Result<Self> {
        let mut reader = reader.take(LONGEST);
        let magic = line(&mut reader)?.unwrap_or_default();
        if !matches!(magic.strip_prefix("NRRD000"), Some("1" | "2" | "3" | "4" | "5")) {
            let detail = format!("it begins with {magic:?}, but NRRD0001 to NRRD0005 was expected");
            return Err(Error::unsupported(NRRD, detail));
        }
        let mut header = Header { fields: vec![], pairs: 0 };
        while let Some(line) = line(&mut reader)?.filter(|line| !line.is_empty()) {
            if line.starts_with('#') {
                continue;
            }
            let parts = line.split_once(':');
            if parts.is_some_and(|(_, value)| value.starts_with('=')) {
                header.pairs += 1;
                continue;
            }
            if header.fields.len() == MOST.0 || line.len() > MOST.1 {
                let (fields, bytes) = MOST;
                let detail = format!("more than {fields} fields or {bytes} bytes of one in the header");
                return Err(Error::format(NRRD, detail));
            }
            let Some((name, value)) = parts.filter(|(name, _)| name.len() <= LONGEST_NAME) else {
                let detail = format!("the line {line:?} in the header, but `field: value` was expected");
                return Err(Error::format(NRRD, detail));
            };
            let name = name.replace(' ', "").to_ascii_lowercase();
            if header.get(&name).is_some() {
                return Err(Error::format(NRRD, format!("the field {name:?} occurs twice in the header")));
            }
            header.fields.push((name, value.trim().to_string()));
        }
        if reader.limit() == 0 {
            let detail = format!("a header of more than {LONGEST} bytes");
            return Err(Error::format(NRRD, detail));
        }
        Ok(header)
    }

    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(own, _)| own == name).map(|(_, value)| &value[..])
    }

    /// The value of a field that every header has.
    pub fn require(&self, name: &str) -> Result<&str> {
        self.get(name).ok_or_else(|| Error::format(NRRD, format!("no field {name:?} in the header")))
    }

    /// The names of the fields other than `known`.
    pub fn others(&self, known: &[&str]) -> Vec<&str> {
        let names = self.fields.iter().map(|(name, _)| &name[..]);
        names.filter(|name| !known.contains(name)).collect()
    }

    /// The words of a field that has one for each of `count` axes.
    pub fn words(&self, name: &str, count: usize) -> Result<Option<Vec<&str>>> {
        let words = self.get(name).map(|value| value.split_whitespace().collect());
        words.map(|words| counted(name, words, count)).transpose()
    }

    /// The numbers of a field that has one for each of `count` axes; NaN where it is unknown.
    pub fn numbers(&self, name: &str, count: usize) -> Result<Option<Vec<f64>>> {
        let Some(words) = self.words(name, count)? else { return Ok(None) };
        words.into_iter().map(|word| number(name, word)).collect::<Result<_>>().map(Some)
    }

    /// The quoted texts of a field.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<String>>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let (mut texts, mut rest) = (vec![], value.chars());
        loop {
            match rest.by_ref().find(|c| !c.is_whitespace()) {
                None => return Ok(Some(texts)),
                Some('"') => {
                    let mut text = String::new();
                    loop {
                        match rest.next() {
                            Some('\\') => text.extend(rest.next()),
                            Some('"') => break,
                            Some(c) => text.push(c),
                            None => return Err(unexpected(name, value, "texts in quotation marks")),
                        }
                    }
                    texts.push(text);
                }
                Some(_) => return Err(unexpected(name, value, "texts in quotation marks")),
            }
        }
    }

    /// The quoted texts of a field that has one for each of `count` axes.
    pub fn texts_of_axes(&self, name: &str, count: usize) -> Result<Option<Vec<String>>> {
        self.texts(name)?.map(|texts| counted(name, texts, count)).transpose()
    }

    /// The vectors of a field, such as `(1,0,0) none`; `None` for an axis without a vector.
    pub fn vectors(&self, name: &str) -> Result<Option<Vec<Option<Vec<f64>>>>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let (mut vectors, mut rest) = (vec![], value);
        while !rest.is_empty() {
            let (vector, after) = match (rest.strip_prefix("none"), rest.strip_prefix('(')) {
                (Some(after), _) => (None, after),
                (_, Some(inner)) => {
                    let Some((inner, after)) = inner.split_once(')') else {
                        return Err(unexpected(name, value, "vectors in parentheses"));
                    };
                    let numbers = inner.split(',').map(|word| number(name, word.trim()));
                    (Some(numbers.collect::<Result<_>>()?), after)
                }
                _ => return Err(unexpected(name, value, "vectors in parentheses")),
            };
            vectors.push(vector);
            rest = after.trim_start();
        }
        Ok(Some(vectors))
    }
}

/// The next line without its end; `None` at the end of the file.
fn line(reader: &mut impl BufRead) -> Result<Option<String>> {
    let mut bytes = vec![];
    reader.read_until(b'\n', &mut bytes).map_err(|error| from_io(error, NRRD))?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let text = String::from_utf8(bytes).map_err(|_| Error::format(NRRD, "the header is not text"))?;
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_string()))
}

fn number(name: &str, word: &str) -> Result<f64> {
    word.parse().map_err(|_| unexpected(name, word, "a number"))
}

fn unexpected(name: &str, found: &str, expected: &str) -> Error {
    Error::format(NRRD, format!("{name} is {found:?}, but {expected} was expected"))
}

/// Rejects a field unless it has an item for each of `count` axes.
pub(super) fn counted<T>(name: &str, items: Vec<T>, count: usize) -> Result<Vec<T>> {
    if items.len() == count {
        return Ok(items);
    }
    let detail = format!("{} values in {name}, but one for each of {count} axes was expected", items.len());
    Err(Error::format(NRRD, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Result<Header> {
        Header::read(&mut text.as_bytes())
    }

    #[test]
    fn fields_comments_and_pairs_are_told_apart() {
        let mut file =
            &b"NRRD0004\r\n# made: today\nSpace Units: \"mm\" \"a \\\"b\\\"\"\nkey:=value\n\n\n7"[..];
        let header = Header::read(&mut file).unwrap();
        assert_eq!((file, header.pairs), (&b"\n7"[..], 1));
        assert_eq!(header.texts("spaceunits").unwrap().unwrap(), ["mm", "a \"b\""]);
        assert_eq!(header.others(&[]), ["spaceunits"]);
        assert!(header.require("type").is_err());
    }

    #[test]
    fn vectors_are_numbers_in_parentheses() {
        let vectors = |value: &str| header(&format!("NRRD0001\nv: {value}\n\n")).unwrap().vectors("v");
        let expected = vec![None, Some(vec![1.0, -2.5]), Some(vec![0.0, 1e3])];
        assert_eq!(vectors("none (1,-2.5)  (0, 1e3)").unwrap(), Some(expected));
        for bad in ["(1,2", "(1,x)", "1 2"] {
            assert!(matches!(vectors(bad), Err(Error::Format { .. })), "{bad}");
        }
    }

    #[test]
    fn broken_headers_are_refused() {
        let long = format!("NRRD0001\n#{}\n\n", "x".repeat(1 << 16));
        let wide = format!("NRRD0001\na: {}\n\n", "x".repeat(1 << 12));
        let many: String = (0..101).map(|n| format!("{n}: 1\n")).collect();
        let many = format!("NRRD0001\n{many}\n");
        for text in ["NRRD0001\ntype\n\n", "NRRD0001\na: 1\na: 2\n\n", &long, &wide, &many] {
            assert!(matches!(header(text), Err(Error::Format { .. })), "{text:.30}");
        }
        assert!(matches!(header("NRRD0006\n\n"), Err(Error::Unsupported { .. })));
        let bad = |field: &str| header(&format!("NRRD0001\nf: {field}\n\n")).unwrap();
        assert!(bad("1 2").words("f", 3).is_err() && bad("1 x").numbers("f", 2).is_err());
        assert!(bad("\"a").texts("f").is_err() && bad("a").texts("f").is_err());
        assert!(bad("\"a\"").texts_of_axes("f", 2).is_err());
    }
}
