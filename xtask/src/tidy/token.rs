//! Splits Rust text into words, strings and marks with their lines, so that rules never stumble over comments.

/// What a rule can look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Word(String),
    Text(String),
    Mark(char),
}

/// One piece of code and the line where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    pub line: usize,
}

impl Token {
    pub fn is_mark(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }

    pub fn is_word(&self, word: &str) -> bool {
        self.word() == Some(word)
    }

    pub fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            Kind::Text(_) | Kind::Mark(_) => None,
        }
    }
}

/// Whether `::` stands at this place.
pub fn path_separator_at(tokens: &[Token], at: usize) -> bool {
    tokens.get(at).is_some_and(|token| token.is_mark(':')) && tokens.get(at + 1).is_some_and(|token| token.is_mark(':'))
}

/// Where the words and marks of `pattern` (a mark is a one-character string) stand one after the other.
pub fn positions<'a>(tokens: &'a [Token], pattern: &'a [&str]) -> impl Iterator<Item = usize> + 'a {
    let matches = |token: &Token, wanted: &str| match &token.kind {
        Kind::Word(word) => word == wanted,
        Kind::Mark(mark) => wanted.chars().eq([*mark]),
        Kind::Text(_) => false,
    };
    tokens
        .windows(pattern.len())
        .enumerate()
        .filter(move |(_, window)| window.iter().zip(pattern).all(|(token, wanted)| matches(token, wanted)))
        .map(|(at, _)| at)
}

/// The line where the file's test module begins; past the end when it has none.
pub fn first_test_line(tokens: &[Token]) -> usize {
    positions(tokens, &["cfg", "(", "test", ")", "]", "mod"])
        .find(|at| tokens.get(at + 7).is_some_and(|token| token.is_mark('{')))
        .map_or(usize::MAX, |at| tokens[at].line)
}

/// Reads the text into tokens; comments and white space are gone.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut reader = Reader { rest: text, line: 1, tokens: Vec::new() };
    while let Some(next) = reader.rest.chars().next() {
        reader.step(next);
    }
    reader.tokens
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
    tokens: Vec<Token>,
}

impl<'a> Reader<'a> {
    fn step(&mut self, next: char) {
        if self.rest.starts_with("//") {
            self.take(self.rest.find('\n').unwrap_or(self.rest.len()));
        } else if self.rest.starts_with("/*") {
            self.block_comment();
        } else if let Some(hashes) = raw_string_hashes(self.rest) {
            self.raw_string(hashes);
        } else if next == '"' {
            self.string();
        } else if next == '\'' {
            self.quote();
        } else if next.is_alphanumeric() || next == '_' {
            let line = self.line;
            let word = self.take(self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len()));
            // The letter in front of b"…" and c"…" belongs to the string.
            if !(matches!(word, "b" | "c") && self.rest.starts_with('"')) {
                self.tokens.push(Token { kind: Kind::Word(word.to_owned()), line });
            }
        } else {
            if !next.is_whitespace() {
                self.tokens.push(Token { kind: Kind::Mark(next), line: self.line });
            }
            self.take(next.len_utf8());
        }
    }

    /// Moves past `length` bytes and counts their lines.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        loop {
            let opens = self.rest.starts_with("/*");
            let closes = self.rest.starts_with("*/");
            depth = depth + usize::from(opens) - usize::from(closes);
            let first = self.rest.chars().next().map_or(0, char::len_utf8);
            self.take(if opens || closes { 2 } else { first });
            if depth == 0 || self.rest.is_empty() {
                return;
            }
        }
    }

    fn raw_string(&mut self, hashes: usize) {
        let line = self.line;
        let start = self.rest.find('"').map_or(self.rest.len(), |at| at + 1);
        self.take(start);
        let end = format!("\"{}", "#".repeat(hashes));
        let length = self.rest.find(&end).unwrap_or(self.rest.len());
        let text = self.take(length).to_owned();
        self.take(end.len().min(self.rest.len()));
        self.tokens.push(Token { kind: Kind::Text(text), line });
    }

    fn string(&mut self) {
        let line = self.line;
        self.take(1);
        let mut escaped = false;
        let end = self.rest.find(|c: char| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let text = self.take(end.unwrap_or(self.rest.len())).to_owned();
        self.take(usize::from(!self.rest.is_empty()));
        self.tokens.push(Token { kind: Kind::Text(text), line });
    }

    /// A character in quotes is skipped; the name of a lifetime too.
    fn quote(&mut self) {
        let mut inside = self.rest.char_indices().skip(1).map(|(at, c)| (at + c.len_utf8(), c));
        let (end, first) = inside.next().unwrap_or((1, '\''));
        let length = if first == '\\' {
            self.rest.get(end + 1..).and_then(|rest| rest.find('\'')).map_or(self.rest.len(), |at| end + at + 2)
        } else if self.rest[end..].starts_with('\'') {
            end + 1
        } else {
            let name = |c: char| !c.is_alphanumeric() && c != '_';
            self.rest[1..].find(name).map_or(self.rest.len(), |at| at + 1)
        };
        self.take(length);
    }
}

/// The number of `#` when a raw string begins here.
fn raw_string_hashes(text: &str) -> Option<usize> {
    let text = text.strip_prefix(['b', 'c']).unwrap_or(text).strip_prefix('r')?;
    let hashes = text.bytes().take_while(|byte| *byte == b'#').count();
    text[hashes..].starts_with('"').then_some(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<(String, usize)> {
        let word = |token: Token| token.word().map(|word| (word.to_owned(), token.line));
        tokens(text).into_iter().filter_map(word).collect()
    }

    #[test]
    fn comments_strings_and_characters_hold_no_words() {
        let text = "// sqlx\n/* a /* b */ casbin */ use x; let c = 'c'; let q = '\\''; let e = \"a \\\" b\";\nlet r = r#\"raw \"wasmtime\" \"#; end";
        let found: Vec<_> = words(text).into_iter().map(|(word, _)| word).collect();
        assert_eq!(found, ["use", "x", "let", "c", "let", "q", "let", "e", "let", "r", "end"]);
    }

    #[test]
    fn lines_are_counted_through_comments_and_strings() {
        assert_eq!(words("/* 1\n2 */ a\n\"x\ny\" b 'life c"), [("a".into(), 2), ("b".into(), 4), ("c".into(), 4)]);
    }

    #[test]
    fn strings_keep_their_text() {
        let texts: Vec<_> = tokens("f(\"loyalty.member\", b\"x\", r\"y\")")
            .into_iter()
            .filter_map(|token| if let Kind::Text(text) = token.kind { Some(text) } else { None })
            .collect();
        assert_eq!(texts, ["loyalty.member", "x", "y"]);
    }

    #[test]
    fn a_pattern_is_found_where_it_stands() {
        let tokens = tokens("#[cfg(test)]\nmod tests {}");
        assert_eq!(positions(&tokens, &["mod", "tests"]).count(), 1);
        assert_eq!(first_test_line(&tokens), 1);
        assert_eq!(first_test_line(&super::tokens("#[cfg(test)]\nmod fixtures;")), usize::MAX);
    }
}
