//! Numbers (LRM 2.4, clause 2.6): digits, point, exponent or scale letter; and numbers with a base, `8'hFF`.

use crate::veriloga::lex::{Scanner, TokenKind, is_word};

/// Scale letters of the LRM (table 2-1).
const SCALES: [(u8, f64); 11] = [
    (b'T', 1e12),
    (b'G', 1e9),
    (b'M', 1e6),
    (b'K', 1e3),
    (b'k', 1e3),
    (b'm', 1e-3),
    (b'u', 1e-6),
    (b'n', 1e-9),
    (b'p', 1e-12),
    (b'f', 1e-15),
    (b'a', 1e-18),
];

impl Scanner<'_> {
    fn digits(&mut self) {
        while self.byte(0).is_ascii_digit() || self.byte(0) == b'_' {
            self.at += 1;
        }
    }

    /// A number that begins with a digit or with its point.
    pub fn number(&mut self) {
        let start = self.at;
        self.digits();
        if self.is_based() {
            return self.based(start);
        }
        let mut whole = true;
        if self.byte(0) == b'.' {
            whole = false;
            self.at += 1;
            let point = self.at;
            self.digits();
            if self.at == point {
                self.warn(start, "a number ends with its point", "the language wants a digit after it");
            } else if point == start + 1 {
                self.warn(start, "a number begins with its point", "the language wants a digit before it");
            }
        }
        let sign = usize::from(matches!(self.byte(1), b'+' | b'-'));
        if matches!(self.byte(0), b'e' | b'E') && self.byte(1 + sign).is_ascii_digit() {
            self.at += 1 + sign;
            self.digits();
            whole = false;
        }
        let mantissa: String = self.text[start..self.at].chars().filter(|c| *c != '_').collect();
        let mut scaled = 1.0;
        if let Some((_, factor)) = SCALES.iter().find(|(letter, _)| *letter == self.byte(0))
            && !is_word(self.byte(1))
            && !self.byte(1).is_ascii_digit()
        {
            self.at += 1;
            whole = false;
            scaled = *factor;
        }
        if is_word(self.byte(0)) || self.byte(0) == b'\'' {
            self.not_a_number(start);
        }
        let value = mantissa.parse::<f64>().unwrap_or(0.0);
        let kind = match mantissa.parse::<i32>() {
            Ok(value) if whole => TokenKind::Int(value),
            // A power of ten below one is divided by its inverse: 1u is then the double nearest to 1e-6.
            _ if scaled < 1.0 => TokenKind::Real(value / (1.0 / scaled).round()),
            _ => TokenKind::Real(value * scaled),
        };
        self.push(kind, &self.text[start..self.at], start);
    }

    fn not_a_number(&mut self, start: usize) {
        let tail = self.at;
        self.word();
        if self.byte(0) == b'\'' {
            self.at += 1;
            self.word();
        }
        let meant = match self.text[tail..self.at].to_ascii_lowercase().as_str() {
            "meg" => "M",
            "mil" => "* 25.4u",
            "c" => "* 1e-2",
            "d" => "* 1e-1",
            "h" => "* 1e2",
            "e" => "* 1e18",
            "o" | "ohm" | "v" | "s" | "hz" | "f" => "units are not written behind numbers",
            _ => "",
        };
        let remark = "a number may be followed by one of T G M K k m u n p f a";
        let error = self.complain(start, "this is not a number", remark);
        if !meant.is_empty() {
            let units = meant.contains(' ') && !meant.starts_with('*');
            error.hints.push(if units { meant.to_string() } else { format!("write `{meant}`") });
        }
    }

    /// True if `'h`, `'sb` ... stands here.
    pub fn is_based(&self) -> bool {
        let signed = usize::from(matches!(self.byte(1), b's' | b'S'));
        let base = matches!(self.byte(1 + signed), b'b' | b'B' | b'o' | b'O' | b'd' | b'D' | b'h' | b'H');
        let blanks = (2 + signed..40).take_while(|k| self.byte(*k) == b' ').count();
        self.byte(0) == b'\'' && base && self.byte(2 + signed + blanks).is_ascii_alphanumeric()
    }

    /// `[size] ' [s] base digits`: an integer of 32 bits, cut to its size.
    pub fn based(&mut self, start: usize) {
        let size = self.text[start..self.at].replace('_', "").parse::<u32>().ok();
        self.at += 1;
        let signed = matches!(self.byte(0), b's' | b'S');
        self.at += usize::from(signed);
        let base = match self.byte(0) {
            b'b' | b'B' => 2,
            b'o' | b'O' => 8,
            b'd' | b'D' => 10,
            _ => 16,
        };
        self.at += 1;
        while self.byte(0) == b' ' {
            self.at += 1;
        }
        let digits = self.at;
        self.word();
        let text: String = self.text[digits..self.at].chars().filter(|c| *c != '_').collect();
        let value = u64::from_str_radix(&text, base);
        let bits = size.unwrap_or(32);
        if text.chars().any(|c| matches!(c, 'x' | 'X' | 'z' | 'Z' | '?')) && base != 10 {
            self.complain(start, "a number with unknown bits", "`x` and `z` belong to the digital language");
        } else if value.is_err() {
            self.complain(start, "this is not a number", &format!("expected digits of base {base}"));
        } else if bits == 0 || bits > 32 || value.as_ref().is_ok_and(|v| size.is_none() && *v > u64::from(u32::MAX)) {
            self.complain(start, "this number is too wide", "integers have 32 bits");
        }
        let bits = bits.clamp(1, 32);
        let cut = value.unwrap_or(0) & (u64::MAX >> (64 - bits));
        let negative = signed && cut >> (bits - 1) == 1;
        let extended = if negative { cut | (u64::MAX << bits) } else { cut };
        self.push(TokenKind::Int(extended as u32 as i32), &self.text[start..self.at], start);
    }
}
