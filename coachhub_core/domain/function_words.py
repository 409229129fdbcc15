"""
Words that carry a sentence and say nothing of its matter: no reason names them.

Where texts are weighed by how rare their words are, these weigh little since everybody
uses them. In a catalogue of five coaches nothing is used by everybody: there the weight
alone does not keep "are" out of a reason.
"""

from __future__ import annotations

from typing import Final

from coachhub_core.domain.vocabulary import words

_BY_LANGUAGE: Final = {
    "en": """
        a about after all also am an and any are as at be because been before being both but by can could did do does
        doing done for from get got had has have having he her here him his how i if in into is it its ive just like
        ll me more most much my no not now of off on once one only or other our out over own please really same
        she should so some such than that the their them then there these they this those through
        to too under until up us very want was we were what when where which while who why will with would you your
    """,
    "de": """
        aber alle als am an auch auf aus bei bin bis das dass dein dem den der des dich die dies diese dir doch du
        durch ein eine einem einen einer er es etwas euch für gern habe haben hat ich ihr im in ist ja kann kein
        können man mehr mein meine mich mir mit möchte muss nach nicht noch nur oder schon sehr sein sich sie sind so
        über um und uns unser vom von vor war was wenn werden wie will wir wird wo zu zum zur
    """,
    "es": """
        al algo como con de del el ella en entre era es esta este esto ha hay la las le lo los más me mi muy no nos o
        para pero por que quiero se ser si sin sobre son su sus también te tengo tu un una uno y ya yo
    """,
    "fr": """
        ai au aussi aux avec ce ces cette comme dans de des du elle en es est et être il ils j je l la le les leur
        lui ma mais me mes moi mon ne nous on ou par pas plus pour qu que qui sa se ses si son sont sur ta te tes toi
        ton tu un une veux vos votre vous
    """,
    "it": """
        a ai al alla anche che ci come con da dal della di del e ed è gli ha ho i il in io la le lo ma mi mia mio
        nel nella non o per più quella questo se si sono su tra tu un una uno voglio
    """,
    "nl": """
        aan al als bij dat de deze die dit door een en er ga heb het hij hoe ik in is je kan maar me met mij mijn naar
        niet nog of om ook op over te toch tot uit van veel voor wat we wij wil zijn zo
    """,
    "pt": """
        a ao aos as com como da das de do dos e é ela ele em entre era essa este eu foi há isso já mais mas me meu
        minha muito na não nas no nos o os ou para pela pelo por que quero se sem ser seu sua são também te um uma
    """,
}

FUNCTION_WORDS: Final = frozenset(word for listed in _BY_LANGUAGE.values() for word in words(listed))  #: folded
