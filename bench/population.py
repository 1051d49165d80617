"""Who is in the archive of a million: patients, their Studies and Series, the same ones for the same seed.

As in a hospital: most Studies are one or two radiographs, most Instances belong to CT and MR. Names are of several
scripts, Studies of ten years come in the order of their dates.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

SEED = 20241231
FIRST_DAY, DAYS = date(2014, 1, 1), 3652  # ten years
STUDIES_A_PATIENT = 3  # on average
CREATOR = "FILMROOM BENCH"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_STARTS = _words(
    "Smi Mil And Bak Car Dav Edw Fis Gar Har Jac Kel Lew Mar Nel Owe Par Rob Ste Tay Wal Wil You Ber Fer "
    "Lop Per San Tor Kow Now Woj Jan Pet Nov Svo Hor Mül Sch Bec Kön Har Høj Lar Ols Nil Joh Dub Lef Mor "
    "Gir Ros Bia Con Esp Nguy Ağa Çel Öz Žuk"
)
_ENDS = _words(
    "th thson thers ler ner son sen sson ez es o os ini etti elli ard eau ier ov ova ak ek ski ska wicz "
    "czyk er man mann berg stein feld hofer quist lund dal ton ley ford well"
)
_GIVENS = _words(
    "Anna Maria Emma Lena Sofía Chloé Zoë Ingrid Katarzyna Eva Ann Mary Jane Ruth Joan Karl Hans Jörg "
    "José Luis Juan Pierre Jean René Paul John James Mark Peter Adam Jan Piotr Lars Nils Björn Ivan Marek "
    "Luca Marco Omar"
)
_ELSEWHERE = (  # names whose component groups, or whose only one, are not Latin (PS3.5 6.2.1, Annexes H and I)
    "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "Suzuki^Hanako=鈴木^花子=すずき^はなこ",
    "Satou^Ken=佐藤^健=さとう^けん",
    "Hong^Gildong=洪^吉洞=홍^길동",
    "Kim^Minsu=金^民秀=김^민수",
    "Wang^Xiaodong=王^小东",
    "Zhang^Wei=张^伟",
    "Люкceмбypг^Анна",
    "Иванов^Иван",
    "Петрова^Мария",
    "Διονυσίου^Ελένη",
    "Παπαδόπουλος^Νίκος",
    "قباني^لنزار",
    "שרון^דבורה",
)
_REGIONS = ("HEAD", "NECK", "CHEST", "ABDOMEN", "PELVIS", "KNEE", "HAND", "FOOT", "SPINE", "HIP")


@dataclass(frozen=True, slots=True)
class Kind:
    """What Studies of a modality are like; weights say how many there are."""

    modality: str
    sop_class: str
    weight: float
    series: tuple[int, ...]
    instances: tuple[int, int]


KINDS = (
    Kind("CT", "1.2.840.10008.5.1.4.1.1.2", 7, (1, 1, 1, 2, 2, 3, 4, 6), (100, 400)),
    Kind("MR", "1.2.840.10008.5.1.4.1.1.4", 10, (2, 3, 4, 5, 6), (20, 60)),
    Kind("DX", "1.2.840.10008.5.1.4.1.1.1.1", 40, (1, 1, 2), (1, 3)),
    Kind("CR", "1.2.840.10008.5.1.4.1.1.1", 33, (1, 1, 2), (1, 2)),
    Kind("US", "1.2.840.10008.5.1.4.1.1.6.1", 9.8, (1,), (3, 20)),
    Kind("PT", "1.2.840.10008.5.1.4.1.1.128", 0.2, (1, 2), (100, 300)),
)


@dataclass(frozen=True, slots=True)
class Patient:
    """One patient."""

    id: str
    name: str
    born: date
    sex: str


@dataclass(frozen=True, slots=True)
class Series:
    """One Series; its Instances count from 1."""

    base: int  # of its UIDs, which are near each other as those of one machine are
    kind: Kind
    number: int
    instances: int
    protocol: str
    exposure: int  # Exposure Time
    performer: str  # Performing Physician's Name

    @property
    def uid(self) -> str:
        """Its Series Instance UID."""
        return f"2.25.{self.base}"

    @property
    def numbers(self) -> range:
        """The Instance Numbers."""
        return range(1, self.instances + 1)

    def instance(self, number: int) -> str:
        """A SOP Instance UID, as long as all others are."""
        return f"2.25.{self.base + number}"


@dataclass(frozen=True, slots=True)
class Study:
    """One Study."""

    uid: str
    patient: Patient
    on: date
    at: str
    accession: str
    region: str
    referrer: str
    procedure: str  # code
    private: str  # the value of a private attribute
    series: tuple[Series, ...]

    @property
    def date(self) -> str:
        """Its Study Date."""
        return f"{self.on:%Y%m%d}"


def studies(instances: int, seed: int = SEED) -> list[Study]:
    """The Studies of so many Instances, in the order of their dates, which is that of their arrival."""
    random_ = random.Random(seed)
    shapes = list(_shapes(random_, instances))
    patients = [_patient(random_, number) for number in range(len(shapes) // STUDIES_A_PATIENT + 1)]
    days = sorted(random_.randrange(DAYS) for _ in shapes)
    return [
        _study(random_, number, random_.choice(patients), FIRST_DAY + timedelta(days=day), kind, sizes)
        for number, (day, (kind, sizes)) in enumerate(zip(days, shapes, strict=True))
    ]


def _shapes(random_: random.Random, left: int) -> Iterator[tuple[Kind, list[int]]]:
    """Modality and sizes of the Series of Studies that together have as many Instances as said."""
    weights = [kind.weight for kind in KINDS]
    while left:
        [kind] = random_.choices(KINDS, weights)
        sizes = []
        for _ in range(random_.choice(kind.series)):
            size = min(left, random_.randint(*kind.instances))
            left -= size
            sizes += [size] if size else []
        yield kind, sizes


def _patient(random_: random.Random, number: int) -> Patient:
    family = random_.choice(_STARTS) + random_.choice(_ENDS)
    name = f"{family}^{random_.choice(_GIVENS)}^{random_.choice('ABCDEFGHIJKLM')}"
    if random_.random() < 0.2:
        name = random_.choice(_ELSEWHERE)
    born = date(1930, 1, 1) + timedelta(days=random_.randrange(80 * 365))
    return Patient(f"P{number:08d}", name, born, random_.choice("FMO"))


def _study(random_: random.Random, number: int, patient: Patient, on: date, kind: Kind, sizes: list[int]) -> Study:
    base = random_.randrange(10**37, 10**38) // 10**5 * 10**5
    return Study(
        uid=f"2.25.{base}",
        patient=patient,
        on=on,
        at=f"{random_.randrange(7, 20):02d}{random_.randrange(60):02d}{random_.randrange(60):02d}",
        accession=f"A{on:%y}{number:07d}",
        region=random_.choice(_REGIONS),
        referrer=f"Referrer{random_.randrange(300):03d}^Doc",
        procedure=f"PC{random_.randrange(400):03d}",
        private=f"W{number % 5000:04d}",
        series=tuple(
            Series(
                base=base + place * 1000,
                kind=kind,
                number=place,
                instances=size,
                protocol=f"{kind.modality} protocol {random_.randrange(50):02d}",
                exposure=random_.randrange(1, 501),
                performer=f"{random_.choice(_STARTS)}{random_.choice(_ENDS)}^{random_.choice(_GIVENS)}",
            )
            for place, size in enumerate(sizes, 1)
        ),
    )
