"""
What coaches of the demo do, and what people come to them for.

A field is a kind of coach: its specialties (tags of the vocabulary), how it is
told in a few languages, what people ask of it in their own words, and which
plans such a coach writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs


@attrs.frozen(kw_only=True)
class Field:
    """
    One kind of coaching.

    Args:
        name: In the middle of a sentence, by language; English is always there.
        goals: In people's own words, by language.
        kind: The kind of goal (a tag of the vocabulary).
        price: Relative to what an hour commonly costs.
    """

    tags: tuple[str, ...]
    name: Mapping[str, str]
    goals: Mapping[str, tuple[str, ...]]
    kind: str
    certifications: tuple[str, ...]
    programmes: tuple[str, ...]
    equipment: tuple[str, ...]
    price: float = 1.0
    weight: int = 2


FIELDS: Final[tuple[Field, ...]] = (
    Field(
        tags=("strength", "powerlifting", "hypertrophy"),
        name={
            "en": "strength training with the barbell",
            "de": "Krafttraining mit der Langhantel",
            "es": "el entrenamiento de fuerza con barra",
            "fr": "la musculation à la barre",
            "it": "l’allenamento della forza con il bilanciere",
            "pt": "o treino de força com barra",
        },
        goals={
            "en": (
                "I want to get stronger and finally squat my own bodyweight",
                "Deadlift 140 kg by summer without hurting my back",
                "I lift alone in my garage and don't know whether I do it right",
            ),
            "de": ("Ich möchte stärker werden und 100 kg Kniebeuge schaffen (strength)",),
            "es": ("Quiero ganar fuerza y aprender bien el peso muerto: strength",),
            "fr": ("Je veux devenir plus fort, surtout au squat (strength)",),
        },
        kind="strength",
        certifications=("NSCA CSCS", "Powerlifting coach level 2", "Trainer A-Lizenz Krafttraining"),
        programmes=("barbell", "upper-lower"),
        equipment=("barbell", "squat-rack", "bench"),
        weight=4,
    ),
    Field(
        tags=("hypertrophy", "bodybuilding", "nutrition"),
        name={
            "en": "building muscle",
            "de": "Muskelaufbau",
            "es": "ganar músculo",
            "fr": "la prise de muscle",
            "it": "la crescita muscolare",
            "pt": "o ganho de massa muscular",
        },
        goals={
            "en": (
                "Build muscle, I have been skinny all my life",
                "gain 5 kg of muscle mass before my wedding in June",
                "bigger shoulders. that's it 💪",
            ),
            "de": ("Muskeln aufbauen, vor allem Rücken und Schultern: hypertrophy",),
            "es": ("Ganar masa muscular sin engordar: muscle gain",),
            "pt": ("Quero ganhar massa muscular: muscle gain",),
        },
        kind="muscle-gain",
        certifications=("ISSA Bodybuilding Specialist", "Precision Nutrition L1"),
        programmes=("upper-lower",),
        equipment=("dumbbell", "machines", "cable-machine", "bench"),
        weight=3,
    ),
    Field(
        tags=("weight-loss", "nutrition", "habits", "general-fitness"),
        name={
            "en": "losing weight and keeping it off",
            "de": "Abnehmen, das bleibt",
            "es": "perder peso sin recuperarlo",
            "fr": "perdre du poids durablement",
            "it": "il dimagrimento duraturo",
            "pt": "perder peso e mantê-lo",
        },
        goals={
            "en": (
                "Lose weight, about 12 kilos, without giving up bread",
                "My doctor says I should lose 10 kg. I have tried everything twice.",
                "fat loss and more energy for my two kids",
            ),
            "de": ("Ich will abnehmen, ungefähr 8 Kilo, und nicht mehr außer Atem sein",),
            "es": ("Perder peso y sentirme bien otra vez",),
            "fr": ("Perdre du poids après l'arrêt du tabac",),
            "pt": ("Perder peso com calma, sem dietas malucas: weight loss",),
        },
        kind="weight-loss",
        certifications=("ACE Health Coach", "Ernährungstrainer B-Lizenz", "Precision Nutrition L1"),
        programmes=("first-steps", "circuits"),
        equipment=("dumbbell", "mat"),
        weight=4,
    ),
    Field(
        tags=("running", "marathon", "half-marathon", "endurance"),
        name={
            "en": "running, from the first kilometre to the marathon",
            "de": "Laufen, vom ersten Kilometer bis zum Marathon",
            "es": "correr, del primer kilómetro al maratón",
            "fr": "la course à pied, du premier kilomètre au marathon",
            "it": "la corsa, dal primo chilometro alla maratona",
            "pt": "a corrida, do primeiro quilómetro à maratona",
        },
        goals={
            "en": (
                "I want to run my first marathon",
                "sub 1:45 half marathon in spring. I keep getting injured at 40 km per week",
                "Run 10 km without walking. I'm 52 and slow and that's fine",
            ),
            "de": (
                "Meinen ersten Marathon laufen, ohne am Ende zu gehen",
                "Halbmarathon unter zwei Stunden: half marathon",
            ),
            "es": ("Correr mi primer maratón (marathon) en otoño",),
            "fr": ("Courir le semi: half marathon en moins de deux heures",),
            "it": ("Correre la maratona di Roma: marathon",),
        },
        kind="race",
        certifications=("UESCA Running Coach", "DLV Trainer C Laufen", "England Athletics CiRF"),
        programmes=("half-marathon", "couch-to-5k"),
        equipment=("none",),
        price=0.8,
        weight=4,
    ),
    Field(
        tags=("trail-running", "hiking", "endurance"),
        name={"en": "mountains on foot", "de": "Berge zu Fuß", "fr": "la montagne à pied", "es": "la montaña a pie"},
        goals={
            "en": (
                "Finish a 50 km trail race with 2,500 m of climbing",
                "hike for eight days with a pack and enjoy it",
            ),
            "de": ("Eine Alpenüberquerung zu Fuß (hiking), und danach noch Treppen steigen können",),
            "fr": ("Terminer mon premier trail de 30 km: trail running",),
        },
        kind="endurance",
        certifications=("UESCA Ultrarunning Coach", "International Mountain Leader"),
        programmes=("half-marathon",),
        equipment=("none",),
        price=0.8,
        weight=1,
    ),
    Field(
        tags=("triathlon", "cycling", "swimming", "endurance"),
        name={"en": "swim, bike and run", "de": "Triathlon", "es": "el triatlón", "fr": "le triathlon"},
        goals={
            "en": (
                "First Olympic distance triathlon, my swimming is terrible",
                "a 70.3 triathlon with a full-time job",
            ),
            "de": ("Sprint-Triathlon im August: triathlon",),
            "es": ("Terminar un triathlon olímpico",),
        },
        kind="race",
        certifications=("USAT Level 1", "DTU Trainer C", "British Triathlon L2"),
        programmes=("sprint-triathlon",),
        equipment=("bicycle", "pool", "heart-rate-monitor"),
        weight=2,
    ),
    Field(
        tags=("cycling", "endurance"),
        name={"en": "riding further and faster", "de": "Radfahren", "it": "il ciclismo", "fr": "le vélo"},
        goals={
            "en": ("Ride my first 200 km, cycling mostly on weekends", "raise my FTP over the winter"),
            "it": ("Salire lo Stelvio in bici: cycling",),
        },
        kind="endurance",
        certifications=("British Cycling L2", "TrainingPeaks L2"),
        programmes=("sprint-triathlon",),
        equipment=("bicycle", "power-meter", "heart-rate-monitor"),
        price=0.8,
        weight=1,
    ),
    Field(
        tags=("yoga", "flexibility", "mobility", "stress-management"),
        name={"en": "yoga and calm", "de": "Yoga und Ruhe", "es": "el yoga y la calma", "fr": "le yoga et le calme"},
        goals={
            "en": (
                "touch my toes and sleep better",
                "Less stress. I sit in meetings for nine hours a day",
                "more flexible hips, I want to do the splits before I turn 40",
            ),
            "de": ("Beweglicher werden und besser schlafen: yoga",),
            "es": ("Menos estrés y más flexibilidad: yoga",),
            "fr": ("Apprendre le yoga et dormir mieux",),
        },
        kind="mobility",
        certifications=("RYT 500", "RYT 200", "Yin Yoga Teacher"),
        programmes=("mobility-mornings",),
        equipment=("mat",),
        price=0.7,
        weight=3,
    ),
    Field(
        tags=("pilates", "core-training", "posture"),
        name={"en": "Pilates and posture", "de": "Pilates und Haltung", "fr": "le Pilates et la posture"},
        goals={
            "en": (
                "a stronger core and better posture, I am hunched like a shrimp 🦐",
                "Pilates at home, twice a week",
            ),
            "de": ("Bessere Haltung: posture, ich sitze den ganzen Tag",),
        },
        kind="mobility",
        certifications=("Polestar Pilates", "BASI Pilates"),
        programmes=("mobility-mornings", "strong-back"),
        equipment=("mat", "stability-ball"),
        price=0.9,
        weight=2,
    ),
    Field(
        tags=("rehab", "back-care", "injury-prevention", "mobility"),
        name={
            "en": "coming back after an injury",
            "de": "den Weg zurück nach einer Verletzung",
            "es": "volver tras una lesión",
            "fr": "le retour après une blessure",
        },
        goals={
            "en": (
                "Back pain since the second lockdown. I just want to lift my daughter",
                "return to sport after ACL surgery, month five",
                "my shoulder pain comes back each time I start again",
            ),
            "de": ("Rückenschmerzen loswerden: back pain, seit drei Jahren",),
            "fr": ("Reprendre le sport après une opération du genou: rehabilitation",),
        },
        kind="rehabilitation",
        certifications=("BSc Physiotherapy", "Rückenschullehrer", "FMS Level 2"),
        programmes=("strong-back",),
        equipment=("resistance-band", "mat"),
        price=1.2,
        weight=3,
    ),
    Field(
        tags=("prenatal", "postnatal", "womens-health"),
        name={"en": "training before and after birth", "de": "Training rund um die Geburt", "es": "el pre y posparto"},
        goals={
            "en": (
                "Get back into shape postpartum, carefully: diastasis",
                "stay strong during pregnancy, second trimester",
            ),
            "de": ("Nach der Geburt wieder joggen können: postnatal",),
        },
        kind="postnatal",
        certifications=("Pre- & Postnatal Coaching Certification", "Pelvic Floor Specialist"),
        programmes=("strong-back", "first-steps"),
        equipment=("mat", "resistance-band"),
        price=1.1,
        weight=2,
    ),
    Field(
        tags=("older-adults", "balance", "heart-health"),
        name={"en": "strength and balance after sixty", "de": "Kraft und Balance ab sechzig"},
        goals={
            "en": (
                "I am 71 and I want to stay steady on my feet: fall prevention",
                "walk up four floors with the shopping",
            ),
            "de": ("Mit 68 noch einmal Ski fahren, Balance und Kraft: fall prevention",),
        },
        kind="general-fitness",
        certifications=("Otago Exercise Programme", "ACSM Exercise is Medicine"),
        programmes=("steady", "first-steps"),
        equipment=("none",),
        price=0.8,
        weight=2,
    ),
    Field(
        tags=("calisthenics", "gymnastics", "strength"),
        name={"en": "bodyweight strength", "de": "Kraft mit dem eigenen Körper", "es": "la calistenia"},
        goals={
            "en": ("My first pull up. Then ten.", "learn a handstand and a muscle up"),
            "es": ("Mi primer muscle up: calisthenics",),
        },
        kind="skill",
        certifications=("Calisthenics Association L2",),
        programmes=("pull-up",),
        equipment=("pull-up-bar",),
        price=0.8,
        weight=2,
    ),
    Field(
        tags=("boxing", "kickboxing", "self-defence"),
        name={"en": "boxing", "de": "Boxen", "es": "el boxeo", "fr": "la boxe"},
        goals={
            "en": ("Boxing for fitness, nobody hits me please", "self defence and confidence"),
            "fr": ("La boxe pour me défouler: boxing",),
        },
        kind="skill",
        certifications=("England Boxing L2", "Krav Maga Instructor"),
        programmes=("circuits",),
        equipment=("jump-rope",),
        weight=1,
    ),
    Field(
        tags=("climbing", "strength"),
        name={"en": "climbing harder", "de": "Klettern", "fr": "l’escalade"},
        goals={
            "en": ("Climb 7a outdoors this year: climbing", "stronger fingers without wrecking them"),
            "de": ("Endlich 7a klettern: climbing",),
        },
        kind="performance",
        certifications=("Performance Climbing Coach", "DAV Trainer B Sportklettern"),
        programmes=("pull-up",),
        equipment=("pull-up-bar",),
        weight=1,
    ),
    Field(
        tags=("football", "team-sports", "athletic-performance"),
        name={"en": "athletes of team sports", "es": "jugadores de fútbol", "pt": "jogadores de futebol"},
        goals={
            "en": ("faster over 20 m for football, pre-season starts in July", "jump higher for volleyball"),
            "pt": ("Ficar mais rápido no futebol: football",),
            "es": ("Más velocidad para el fútbol: athletic performance",),
        },
        kind="performance",
        certifications=("UEFA B", "NSCA CSCS"),
        programmes=("barbell", "circuits"),
        equipment=("barbell", "medicine-ball", "box"),
        weight=2,
    ),
    Field(
        tags=("beginners", "general-fitness", "habits"),
        name={
            "en": "beginning, and not stopping in week three",
            "de": "den Anfang, und die Wochen danach",
            "es": "empezar y no dejarlo en la tercera semana",
            "fr": "bien commencer, et continuer",
        },
        goals={
            "en": (
                "get fit. I have never been in a gym and it scares me a bit",
                "Get in shape again after ten years at a desk",
                "stay motivated for longer than January",
            ),
            "de": ("Fit werden, ich fange bei null an: get fit",),
            "es": ("Ponerme en forma: general fitness, desde cero",),
            "fr": ("Retrouver la forme: get fit, sans me blesser",),
        },
        kind="general-fitness",
        certifications=("NASM CPT", "REPs Level 3", "Fitnesstrainer B-Lizenz"),
        programmes=("first-steps", "couch-to-5k"),
        equipment=("none", "mat"),
        price=0.8,
        weight=4,
    ),
    Field(
        tags=("kettlebells", "functional-training", "hiit"),
        name={"en": "kettlebells and short, hard sessions", "de": "Kettlebells", "fr": "les kettlebells"},
        goals={
            "en": (
                "20 minutes at home with a kettlebell, five days a week",
                "functional training that fits into lunch breaks",
            ),
            "fr": ("Des séances courtes et intenses: HIIT",),
        },
        kind="general-fitness",
        certifications=("StrongFirst SFG I", "IKFF Level 1"),
        programmes=("circuits",),
        equipment=("kettlebell",),
        price=0.9,
        weight=2,
    ),
    Field(
        tags=("posture", "back-care", "corporate-wellness", "mobility"),
        name={"en": "people who sit all day", "de": "Menschen am Schreibtisch", "es": "quienes pasan el día sentados"},
        goals={
            "en": ("desk job, rounded shoulders, stiff neck: help", "10 minutes a day against sitting all day"),
            "de": ("Verspannter Nacken vom Homeoffice: desk job",),
        },
        kind="mobility",
        certifications=("ErgoPro", "Betriebliches Gesundheitsmanagement (IHK)"),
        programmes=("mobility-mornings", "strong-back"),
        equipment=("mat", "resistance-band"),
        price=1.0,
        weight=2,
    ),
    Field(
        tags=("adaptive", "general-fitness"),
        name={"en": "training with a disability", "de": "Training mit Behinderung"},
        goals={"en": ("I use a wheelchair and want stronger shoulders: adaptive", "train with one arm, properly")},
        kind="strength",
        certifications=("Certified Inclusive Fitness Trainer", "IFT Adaptive"),
        programmes=("first-steps",),
        equipment=("resistance-band", "dumbbell"),
        price=0.9,
        weight=1,
    ),
)
"""All kinds; heavier ones have more coaches and more people who want them."""
