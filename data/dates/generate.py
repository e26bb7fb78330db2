"""Writes dates.tsv: dates in many spellings, English and Korean, each with the same date as ISO 8601.

    python data/dates/generate.py > data/dates/dates.tsv

Every spelling says one date only. Numbers alone (`03/03/98`) are used where no order of day, month and year makes another
date of them; a year of two digits is the one from 1950 to 2049. No spelling stands in the file twice. Only the standard
library is used, and the generator of random numbers is written out, so that every version of Python writes the same file.
"""

import datetime
import sys

PAIRS = 3600
FIRST, LAST = 1950, 2049

MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December"]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
KOREAN_DAYS = "월화수목금토일"
ONES = ["", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
        "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
ORDINALS = ["", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
            "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth",
            "twentieth"]
HANGUL = ["", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구"]


class Random:
    """PCG's 64-bit linear congruential generator; the high half of each state is drawn from."""

    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 32) * n >> 32

    def choice(self, of):
        return of[self.below(len(of))]


def ordinal(n):
    end = "th" if 10 < n % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{end}"


def ordinal_words(n):
    if n <= 20:
        return ORDINALS[n]
    return "thirtieth" if n == 30 else f"{TENS[n // 10]}-{ORDINALS[n % 10]}"


def words(n):
    """A number below 100."""
    if n < 20:
        return ONES[n]
    return TENS[n // 10] + (f"-{ONES[n % 10]}" if n % 10 else "")


def year_words(year):
    century, rest = divmod(year, 100)
    if 2000 <= year < 2010:
        return "two thousand" + (f" and {ONES[rest]}" if rest else "")
    return f"{words(century)} {words(rest)}" if rest >= 10 else f"{words(century)} oh {words(rest)}"


def korean_words(n):
    """A number below 10,000, Sino-Korean: no 일 before 천, 백 and 십."""
    out = ""
    for value, name in [(1000, "천"), (100, "백"), (10, "십"), (1, "")]:
        digit = n // value % 10
        if digit:
            out += (HANGUL[digit] if digit > 1 or value == 1 else "") + name
    return out


def korean_month(month):
    """유월 and 시월 are said without their final consonants."""
    return {6: "유", 10: "시"}.get(month, korean_words(month)) + "월"


def spellings(date):
    """All spellings of a date, by kind; a kind is drawn first, then one of its spellings."""
    y, m, d = date.year, date.month, date.day
    month, short, day = MONTHS[m - 1], MONTHS[m - 1][:3], DAYS[date.weekday()]
    korean_day = KOREAN_DAYS[date.weekday()]
    kinds = [
        [f"{d} {month} {y}", f"{d} {month}, {y}", f"{d} {month.lower()} {y}", f"{d} {month.upper()} {y}"],
        [f"{d} {short} {y}", f"{d} {short}. {y}", f"{d:02}-{short}-{y}", f"{d:02} {short.upper()} {y}"],
        [f"{month} {d}, {y}", f"{month} {d} {y}", f"{month.upper()} {d}, {y}", f"{month.lower()} {d}, {y}"],
        [f"{short} {d}, {y}", f"{short}. {d}, {y}", f"{short} {d} {y}", f"{short.upper()} {d:02} {y}"],
        [f"{ordinal(d)} {month} {y}", f"{ordinal(d)} of {month} {y}", f"the {ordinal(d)} of {month}, {y}"],
        [f"{month} {ordinal(d)}, {y}", f"{month} the {ordinal(d)}, {y}", f"{short} {ordinal(d)} {y}"],
        [f"{day}, {d} {month} {y}", f"{day}, {month} {d}, {y}", f"{day[:3]}, {d:02} {short} {y}",
         f"{day[:3]} {short} {d} {y}"],
        [f"{y} {month} {d}", f"{y} {short} {d:02}", f"{y}-{short}-{d:02}"],
        [f"{y}/{m:02}/{d:02}", f"{y}.{m:02}.{d:02}", f"{y}{m:02}{d:02}", f"{y}/{m}/{d}"],
        [f"{d} {month} '{y % 100:02}", f"{month} {d}, '{y % 100:02}"],
        [f"the {ordinal_words(d)} of {month} {y}", f"{month} the {ordinal_words(d)}, {year_words(y)}"],
        [f"{y}년 {m}월 {d}일", f"{y}년{m}월{d}일", f"{y}년 {m:02}월 {d:02}일"],
        [f"{y}년 {m}월 {d}일 {korean_day}요일", f"{y}년 {m}월 {d}일({korean_day})", f"서기 {y}년 {m}월 {d}일"],
        [f"{y}. {m}. {d}.", f"{y}. {m}. {d}. ({korean_day})", f"{y}.{m}.{d}."],
        [f"{y % 100:02}년 {m}월 {d}일", f"'{y % 100:02}년 {m}월 {d}일"],
        [f"{korean_words(y)}년 {korean_month(m)} {korean_words(d)}일"],
    ]
    # The day and the month are told apart where the day is above 12, and need not be where they are equal.
    if d > 12 or d == m:
        kinds.append([f"{d:02}/{m:02}/{y}", f"{m:02}/{d:02}/{y}", f"{d}.{m}.{y}", f"{d:02}-{m:02}-{y}"])
        # So is the year where it is above 31.
        if y % 100 > 31:
            kinds.append([f"{d:02}/{m:02}/{y % 100:02}", f"{m:02}/{d:02}/{y % 100:02}", f"{d}.{m}.{y % 100:02}"])
    return kinds


def main():
    random = Random(20260301)
    first, last = datetime.date(FIRST, 1, 1).toordinal(), datetime.date(LAST, 12, 31).toordinal()
    seen = set()
    print("source\ttarget")
    while len(seen) < PAIRS:
        date = datetime.date.fromordinal(first + random.below(last - first + 1))
        written = random.choice(random.choice(spellings(date)))
        if written not in seen:
            seen.add(written)
            print(f"{written}\t{date.isoformat()}")


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    main()
