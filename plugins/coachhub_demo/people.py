"""
Who the demo people are: names, cities and languages of many places, in their own scripts.

A name written as ``native|latin`` has a spelling for an address. All of it is
made up from common parts; nobody is meant.
"""

from __future__ import annotations

from typing import Final

import attrs


@attrs.frozen
class Place:
    """A city with its zone and its money; ``hour`` is what an hour of coaching commonly costs there."""

    city: str
    zone: str
    currency: str
    hour: int


@attrs.frozen(kw_only=True)
class Culture:
    """Names that go together, and where people of these names live."""

    language: str
    weight: int
    women: tuple[str, ...]
    men: tuple[str, ...]
    families: tuple[str, ...]
    places: tuple[Place, ...]
    family_first: bool = False
    gap: str = " "

    def name(self, given: str, family: str) -> str:
        """Write a full name as it is written there."""
        parts = [given.partition("|")[0], family.partition("|")[0]]
        return self.gap.join(reversed(parts) if self.family_first else parts)


def latin(name: str) -> str:
    """Return the spelling of one part of a name for an address."""
    return (name.partition("|")[2] or name).casefold()


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


CULTURES: Final[tuple[Culture, ...]] = (
    Culture(
        language="de",
        weight=6,
        women=_names("Lena, Anja, Katrin, Sophie, Nele, Frieda, Jule, Hannah, Miriam, Käthe"),
        men=_names("Jonas, Felix, Lukas, Tobias, Emil, Moritz, Henrik, Jörg, Konstantin, Paul"),
        families=_names("Brandt, Vogel, Schäfer, Lindner, Hofmann, Böhm, Krüger, Weiß, Neumann, Grünwald"),
        places=(
            Place("Berlin", "Europe/Berlin", "EUR", 60),
            Place("Hamburg", "Europe/Berlin", "EUR", 60),
            Place("München", "Europe/Berlin", "EUR", 75),
            Place("Zürich", "Europe/Zurich", "CHF", 110),
            Place("Wien", "Europe/Vienna", "EUR", 60),
        ),
    ),
    Culture(
        language="en",
        weight=6,
        women=_names("Amelia, Grace, Freya, Imogen, Chloe, Zara, Niamh, Rhiannon, Ashley, Maya, Naomi, Kayla"),
        men=_names("Oliver, Harry, Callum, Rhys, Kwame, Idris, Marcus, Tyler, DeShawn, Ethan, Caleb, Toby"),
        families=_names("Walker, Hughes, O’Connor, MacLeod, Okafor, Bennett, Ashworth, Washington, Nguyen, Rivera"),
        places=(
            Place("London", "Europe/London", "GBP", 55),
            Place("Manchester", "Europe/London", "GBP", 40),
            Place("Dublin", "Europe/Dublin", "EUR", 55),
            Place("New York", "America/New_York", "USD", 95),
            Place("Chicago", "America/Chicago", "USD", 75),
            Place("Toronto", "America/Toronto", "CAD", 85),
        ),
    ),
    Culture(
        language="es",
        weight=4,
        women=_names("Lucía, Carmen, Paula, Inés, Valentina, Ximena, Begoña"),
        men=_names("Javier, Álvaro, Mateo, Íñigo, Diego, Rodrigo, Andrés"),
        families=_names("García Peña, Muñoz, Ibáñez, Herrera, Castellanos, Núñez, del Río"),
        places=(
            Place("Madrid", "Europe/Madrid", "EUR", 40),
            Place("Barcelona", "Europe/Madrid", "EUR", 45),
            Place("Ciudad de México", "America/Mexico_City", "MXN", 450),
        ),
    ),
    Culture(
        language="fr",
        weight=4,
        women=_names("Camille, Élodie, Anaïs, Margaux, Inès, Océane, Zoé"),
        men=_names("Théo, Loïc, Rémi, François, Mathéo, Yanis, Gaël"),
        families=_names("Lefèvre, Dubois, Moreau, Girard, Benali, Chevalier, L’Hermitte"),
        places=(
            Place("Paris", "Europe/Paris", "EUR", 65),
            Place("Lyon", "Europe/Paris", "EUR", 50),
            Place("Montréal", "America/Toronto", "CAD", 80),
        ),
    ),
    Culture(
        language="it",
        weight=2,
        women=_names("Giulia, Chiara, Martina, Elena"),
        men=_names("Matteo, Lorenzo, Niccolò, Andrea"),
        families=_names("Rossi, Ferrari, D’Angelo, Conti, Lo Russo"),
        places=(Place("Milano", "Europe/Rome", "EUR", 50), Place("Roma", "Europe/Rome", "EUR", 45)),
    ),
    Culture(
        language="pt",
        weight=2,
        women=_names("Beatriz, Mariana, Luísa, Conceição"),
        men=_names("João, Tiago, Gonçalo, Rafael"),
        families=_names("Silva, Araújo, Magalhães, Nunes, Simões"),
        places=(Place("Lisboa", "Europe/Lisbon", "EUR", 35), Place("São Paulo", "America/Sao_Paulo", "BRL", 130)),
    ),
    Culture(
        language="pl",
        weight=2,
        women=_names("Zofia, Małgorzata, Agnieszka, Łucja"),
        men=_names("Łukasz, Michał, Stanisław, Paweł"),
        families=_names("Wójcik, Kowalczyk, Nowak, Wróbel"),
        places=(Place("Kraków", "Europe/Warsaw", "PLN", 140), Place("Warszawa", "Europe/Warsaw", "PLN", 170)),
    ),
    Culture(
        language="sv",
        weight=1,
        women=_names("Astrid, Linnéa, Saga"),
        men=_names("Åke, Björn, Mikael"),
        families=_names("Lindqvist, Åberg, Öberg"),
        places=(Place("Göteborg", "Europe/Stockholm", "SEK", 650),),
    ),
    Culture(
        language="tr",
        weight=1,
        women=_names("Elif, Zeynep, Ayşe"),
        men=_names("Emre, Oğuz, İlker"),
        families=_names("Yılmaz, Şahin, Çelik, Öztürk"),
        places=(Place("İstanbul", "Europe/Istanbul", "TRY", 1_200),),
    ),
    Culture(
        language="el",
        weight=1,
        women=_names("Ελένη|Eleni, Μαρία|Maria, Κατερίνα|Katerina"),
        men=_names("Γιώργος|Giorgos, Νίκος|Nikos, Δημήτρης|Dimitris"),
        families=_names("Γεωργίου|Georgiou, Νικολάου|Nikolaou, Οικονόμου|Oikonomou"),
        places=(Place("Αθήνα", "Europe/Athens", "EUR", 35),),
    ),
    Culture(
        language="uk",
        weight=1,
        women=_names("Олена|Olena, Софія|Sofiia, Ірина|Iryna"),
        men=_names("Андрій|Andrii, Тарас|Taras, Олексій|Oleksii"),
        families=_names("Шевченко|Shevchenko, Бондаренко|Bondarenko, Ткаченко|Tkachenko"),
        places=(Place("Київ", "Europe/Kyiv", "UAH", 700),),
    ),
    Culture(
        language="ar",
        weight=2,
        women=_names("ليلى|Layla, نور|Nour, سلمى|Salma"),
        men=_names("يوسف|Youssef, كريم|Karim, عمر|Omar"),
        families=_names("حدّاد|Haddad, منصور|Mansour, النجار|Alnajjar"),
        places=(Place("دبي", "Asia/Dubai", "AED", 250), Place("القاهرة", "Africa/Cairo", "EGP", 600)),
    ),
    Culture(
        language="he",
        weight=1,
        women=_names("נועה|Noa, יעל|Yael, שירה|Shira"),
        men=_names("איתי|Itai, דניאל|Daniel, עומר|Omer"),
        families=_names("כהן|Cohen, לוי|Levi, מזרחי|Mizrahi"),
        places=(Place("תל אביב", "Asia/Jerusalem", "ILS", 220),),
    ),
    Culture(
        language="hi",
        weight=2,
        women=_names("अनन्या|Ananya, प्रिया|Priya, मीरा|Meera"),
        men=_names("अर्जुन|Arjun, रोहन|Rohan, विक्रम|Vikram"),
        families=_names("शर्मा|Sharma, पटेल|Patel, मेहता|Mehta"),
        places=(Place("मुंबई", "Asia/Kolkata", "INR", 1_500), Place("बेंगलुरु", "Asia/Kolkata", "INR", 1_400)),
    ),
    Culture(
        language="ja",
        weight=2,
        women=_names("美咲|Misaki, 陽菜|Hina, 結衣|Yui"),
        men=_names("蓮|Ren, 大翔|Hiroto, 健太|Kenta"),
        families=_names("佐藤|Sato, 高橋|Takahashi, 渡辺|Watanabe"),
        places=(Place("東京", "Asia/Tokyo", "JPY", 8_000), Place("大阪", "Asia/Tokyo", "JPY", 7_000)),
        family_first=True,
    ),
    Culture(
        language="ko",
        weight=1,
        women=_names("서연|Seoyeon, 지우|Jiwoo, 하은|Haeun"),
        men=_names("민준|Minjun, 도윤|Doyun, 지호|Jiho"),
        families=_names("김|Kim, 박|Park, 최|Choi"),
        places=(Place("서울", "Asia/Seoul", "KRW", 60_000),),
        family_first=True,
        gap="",
    ),
    Culture(
        language="zh",
        weight=1,
        women=_names("怡君|Yijun, 雅婷|Yating, 淑芬|Shufen"),
        men=_names("志明|Zhiming, 家豪|Jiahao, 俊傑|Junjie"),
        families=_names("陳|Chen, 林|Lin, 王|Wang"),
        places=(Place("台北", "Asia/Taipei", "TWD", 1_500),),
        family_first=True,
        gap="",
    ),
)
"""Where people come from; heavier ones are more of them."""
