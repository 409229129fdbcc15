"""What the demo people write: about themselves, to each other, about each other. Keys are languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

BIOS: Final[Mapping[str, tuple[str, ...]]] = {
    "en": (
        "I have been coaching {field} for {years} years. You get a plan that fits your week, not somebody else's, "
        "and an answer when you write.",
        "{years} years of {field}, most of them with people who have jobs, children and bad knees. "
        "We start with what you can do on your worst day and build from there.",
        "My speciality is {field}. I am patient about technique and impatient about excuses, including my own.\n\n"
        "First session: we talk, you move, I watch. Then you get four weeks on paper and we see.",
        "Former competitor, now {years} years a coach. What I do: {field}. What I don't: miracles, detox, shouting.",
    ),
    "de": (
        "Seit {years} Jahren mache ich {field}. Du bekommst einen Plan, der in deine Woche passt, und eine Antwort, "
        "wenn du schreibst.",
        "Mein Thema ist {field}. Wir fangen bei dem an, was an einem schlechten Tag geht, und bauen darauf auf.",
        "{years} Jahre Erfahrung. Mein Schwerpunkt: {field}. Ich erkläre viel und verspreche wenig.",
    ),
    "es": (
        "Llevo {years} años dedicándome a {field}. Planes que caben en tu semana y respuestas cuando escribes.",
        "Lo mío es {field}. Empezamos por lo que puedes hacer en tu peor día y desde ahí crecemos.",
    ),
    "fr": (
        "Depuis {years} ans, mon métier c’est {field}. Un plan qui tient dans votre semaine, une réponse quand vous "
        "écrivez.",
        "Ma spécialité : {field}. On commence par ce que vous pouvez faire un mauvais jour, et on construit.",
    ),
    "it": (
        "Da {years} anni mi occupo di {field}. Un programma che sta nella tua settimana, e una risposta quando scrivi.",
    ),
    "pt": ("Há {years} anos que trabalho com {field}. Um plano que cabe na sua semana, e resposta quando escreve.",),
    "pl": ("Od {years} lat jestem trenerem. Cierpliwie tłumaczę technikę. In English: {field}.",),
    "sv": ("Tränare i {years} år. Lugnt tempo, tydliga planer. In English: {field}.",),
    "tr": ("{years} yıldır antrenörüm. Planını haftana göre yazarım. In English: {field}.",),
    "el": ("Προπονώ εδώ και {years} χρόνια. Πλάνο που ταιριάζει στη δική σου εβδομάδα. In English: {field}.",),
    "uk": ("Треную вже {years} років. План під ваш тиждень, а не під чужий. In English: {field}.",),
    "ar": ("أعمل مدرّبًا منذ {years} سنوات، وأكتب لك خطة تناسب أسبوعك أنت.\nIn English: {field}.",),
    "he": ("מאמן כבר {years} שנים. תוכנית שמתאימה לשבוע שלך.\nIn English: {field}.",),
    "hi": ("मैं {years} साल से कोच हूँ। आपकी योजना आपके हफ़्ते के हिसाब से।\nIn English: {field}.",),
    "ja": ("コーチ歴{years}年です。あなたの一週間に合った計画を一緒に作ります。\nIn English: {field}.",),
    "ko": ("{years}년째 코치로 일하고 있습니다. 당신의 일주일에 맞는 계획을 함께 만들어요.\nIn English: {field}.",),
    "zh": ("我當教練已經{years}年了，會配合你的一週來安排訓練。\nIn English: {field}.",),
}

REQUESTS: Final[Mapping[str, tuple[str, ...]]] = {
    "en": (
        "Hi, your profile sounds like what I am looking for. Do you have a place?",
        "Hello! I can train three times a week, mornings are best. Would you take me on?",
        "A friend said you are good with people who are starting from zero. That is me 🙂",
    ),
    "de": ("Hallo, dein Profil klingt genau richtig. Hast du noch einen Platz frei?",),
    "es": ("¡Hola! Puedo entrenar tres días a la semana. ¿Tienes un hueco para mí?",),
    "fr": ("Bonjour, votre approche me plaît. Auriez-vous une place ?",),
    "it": ("Ciao! Hai ancora un posto libero?",),
    "pt": ("Olá! Ainda tem uma vaga?",),
    "ja": ("はじめまして。まだ空きはありますか？",),
    "ar": ("مرحبًا، هل لديك مكان شاغر؟",),
}

TALKS: Final[Mapping[str, tuple[tuple[tuple[str, str], ...], ...]]] = {
    "en": (
        (
            ("c", "Welcome, {trainee}! Tell me a bit about your week: which days are safe?"),
            ("t", "Monday and Thursday evenings for sure. Saturday if nobody is ill."),
            ("c", "Then we plan for two and a half 😄 I'll send something tonight."),
            ("t", "👍"),
            ("t", "First one done. I can feel muscles I didn't know I had."),
            ("c", "Good. That goes away by Wednesday. Sleep, walk, drink water."),
            ("t", "How heavy should the last set feel?"),
            ("c", "As if you could do two more. If it is three: take the next plate. If it is one: stay."),
        ),
        (
            (
                "c",
                "Hi {trainee}, the first four weeks are on your calendar. Shout if a day is impossible.",
            ),
            ("t", "Looks good! Thursday might slip to Friday this week."),
            ("c", "No problem, just log it on the day you do it."),
            ("t", "Did it. Knee was fine, the last interval was not pretty."),
            ("c", "Pretty is for October. Same again on Saturday, ten seconds slower."),
        ),
        (
            ("t", "Quick question: I'm travelling next week, hotel gym only."),
            ("c", "Dumbbells up to what?"),
            ("t", "20 kg, and a bench that wobbles."),
            ("c", "Then:\n1. goblet squat 4×12\n2. one-arm row 4×10\n3. push-ups, all you have\n\nNo bench 😅"),
            ("t", "Perfect, thank you!!"),
        ),
        (
            ("c", "Three workouts in a row, all logged. I notice these things."),
            ("t", "My son counts the sets for me. In Welsh."),
            ("c", "Da iawn! Add 2.5 kg on Friday."),
        ),
        (
            ("t", "Honest report: I missed both days. Work exploded."),
            ("c", "Thanks for telling me. Which one can we save this week, even at half length?"),
            ("t", "Friday lunch, 25 minutes."),
            ("c", "Good. Warm-up and the first two exercises, then stop. Habit first."),
            ("t", "Done. 24 minutes 30!"),
        ),
    ),
    "de": (
        (
            ("c", "Willkommen, {trainee}! An welchen Tagen hast du sicher Zeit?"),
            ("t", "Dienstag und Freitag, jeweils abends. Sonntag manchmal."),
            ("c", "Dann planen wir zwei feste Tage und einen Bonus."),
            ("t", "Erste Einheit geschafft! Muskelkater bis in die Ohren 😂"),
            ("c", "Das legt sich. Beim nächsten Mal ein Satz weniger, dafür sauber."),
        ),
        (
            ("t", "Kurze Frage: Knie zwickt beim Treppensteigen. Pause?"),
            (
                "c",
                "Zwei Tage keine Kniebeugen, dafür den zweiten Block. Wenn es Montag noch zwickt, schreib mir.",
            ),
            ("t", "Montag: alles gut, danke!"),
        ),
    ),
    "es": (
        (
            ("c", "¡Bienvenida al equipo, {trainee}! ¿Qué días puedes entrenar seguro?"),
            ("t", "Lunes y miércoles por la tarde. El sábado según los niños."),
            ("c", "Perfecto: dos fijos y uno de propina."),
            ("t", "¡Hecho! Me tiemblan las piernas pero contenta 💃"),
        ),
    ),
    "fr": (
        (
            ("c", "Bienvenue {trainee} ! Quels jours sont sûrs pour vous ?"),
            ("t", "Mardi et jeudi midi, une heure pas plus."),
            ("c", "Une heure suffit largement. Le plan est dans votre calendrier."),
            ("t", "Première séance faite. C’était court… et pas court du tout."),
        ),
    ),
    "it": (
        (("c", "Benvenuto, {trainee}! Partiamo piano."), ("t", "Perfetto, piano è la mia velocità."), ("t", "Fatto!")),
    ),
    "pt": (
        (
            ("c", "Bem-vindo, {trainee}! O plano já está no calendário."),
            ("t", "Obrigado! Começo na segunda."),
            ("t", "Feito 💪"),
        ),
    ),
    "ja": (
        (
            ("c", "{trainee}さん、よろしくお願いします。週に何日できそうですか？"),
            ("t", "月曜と木曜の夜なら大丈夫です。"),
            ("c", "では二日で計画しますね。無理はしないでください。"),
            ("t", "初回終わりました。楽しかったです！"),
        ),
    ),
    "ar": (
        (
            ("c", "أهلًا {trainee}! في أي أيام تستطيع التدرّب؟"),
            ("t", "الأحد والأربعاء مساءً إن شاء الله."),
            ("c", "ممتاز، الخطة أصبحت في تقويمك. ابدأ بهدوء."),
            ("t", "انتهيت من الحصة الأولى 💪"),
        ),
    ),
    "hi": (
        (
            ("c", "स्वागत है {trainee}! हफ़्ते में कौन से दिन पक्के हैं?"),
            ("t", "मंगलवार और शनिवार सुबह।"),
            ("c", "बढ़िया। योजना कैलेंडर में है, धीरे शुरू करें।"),
        ),
    ),
    "uk": (
        (
            ("c", "Вітаю, {trainee}! Які дні для вас надійні?"),
            ("t", "Вівторок і п'ятниця ввечері."),
            ("c", "Чудово. Починаємо спокійно, план уже в календарі."),
        ),
    ),
    "he": ((("c", "ברוכה הבאה {trainee}! התוכנית כבר ביומן."), ("t", "תודה! מתחילים ביום ראשון 🙌")),),
}

CLOSERS: Final[Mapping[str, tuple[str, ...]]] = {
    "en": ("👍", "Well done.", "That is how it works. See you on the next one."),
    "de": ("Sehr gut!", "👍 Bis zum nächsten Mal."),
    "es": ("¡Así se hace!",),
    "fr": ("Bravo !",),
    "it": ("Ottimo!",),
    "pt": ("Boa!",),
    "ja": ("お疲れさまでした！",),
    "ar": ("أحسنت!",),
    "hi": ("शाबाश!",),
    "uk": ("Чудово!",),
    "he": ("כל הכבוד!",),
}

WAITING: Final[Mapping[str, tuple[str, ...]]] = {
    "en": (
        "Are you there? I am not sure about Thursday's session: my back feels stiff since yesterday.",
        "Could we move Saturday? I wrote on Monday too 🙂",
        "Should I stop if it hurts on the outside of the knee?",
    ),
    "de": ("Noch eine Frage: Soll ich bei Zug im Rücken weitermachen oder abbrechen?",),
    "es": ("¿Sigues por ahí? No sé si entrenar mañana con este dolor.",),
    "fr": ("Toujours là ? Je ne sais pas si je dois continuer demain.",),
}

NOTES: Final[tuple[str, ...]] = (
    "slept badly, still fine",
    "new shoes 👟",
    "gym was full, swapped the order",
    "felt strong!",
    "lunch break, a bit rushed",
    "Knie gut",
    "con lluvia",
    "trop chaud aujourd’hui",
    "調子よかった",
)

SKIPS: Final[tuple[str, ...]] = ("ill", "travelling", "child is ill", "overtime", "krank", "viaje de trabajo")

REVIEWS: Final[Mapping[str, Mapping[int, tuple[str, ...]]]] = {
    "en": {
        5: (
            "Clear plans, quick answers, and I hit my goal two weeks early.",
            "The first coach who asked about my week before writing the plan.",
            "Kind, precise, never a wasted set. I would sign up again tomorrow.",
        ),
        4: (
            "Very good. Sometimes a day late with answers, but worth the wait.",
            "Learned a lot; a bit fast at the start.",
        ),
        3: ("Good plan, little contact.", "Fine, though we did not really click."),
        2: ("I had to ask three times for a change of days.",),
        1: ("We never found a rhythm, and messages stayed unanswered.",),
    },
    "de": {
        5: ("Sehr klar, sehr geduldig. Ziel erreicht!",),
        4: ("Gute Pläne, manchmal etwas knappe Antworten.",),
        3: ("In Ordnung.",),
    },
    "es": {5: ("Atenta, clara y muy profesional. ¡Gracias!",), 4: ("Muy bien, aunque a veces tardaba en contestar.",)},
    "fr": {5: ("Un suivi sérieux et humain. Merci !",), 4: ("Très bien, un peu exigeant.",)},
    "ja": {5: ("丁寧に教えてくれました。おすすめです。",)},
    "ar": {5: ("مدرّب محترف وصبور، أنصح به بشدة.",)},
}

COACH_REVIEWS: Final[tuple[str, ...]] = (
    "Reliable, honest in the logs, a pleasure to coach.",
    "Worked hard, asked good questions.",
    "Good start, then life got in the way. The door is open.",
)


def pick_language(table: Mapping[str, object], *languages: str) -> str:
    """Return the first of *languages* that *table* has, else English."""
    return next((language for language in languages if language in table), "en")
