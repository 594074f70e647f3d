"""The commonest words of seven languages: those that any text of some length has, whatever it is about."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTION_WORDS = {
    "English": _words(
        "the of and to a in is it you that he was for on are with as i his they be at this have from or had by not but "
        "what all were we when your can said there use an each which she do how their if will my than been who its did "
        "get has him her our so would me no about just up out them then these some"
    ),
    "German": _words(
        "der die das und ist nicht ein eine einen einem einer zu den dem des mit sich auf für von im ich sie er es wir "
        "ihr auch als an nach wie bei oder aber aus wenn nur noch über haben hat war werden wird sind sein kann mir "
        "mich dass um so am vom zum zur"
    ),
    "French": _words(
        "le la les de des du et un une est que qui dans en pour pas sur au aux avec ce cette il elle nous vous je ne se "
        "sont par plus mais ou où son sa ses leur leurs être avoir été fait comme tout très"
    ),
    "Spanish": _words(
        "el la los las de y que en un una es no se por con para su al lo como más pero sus le ya o este sí porque esta "
        "entre cuando muy sin sobre también me hasta hay donde del está son fue ser tiene"
    ),
    "Italian": _words(
        "il lo la i gli le di e che è un una in non per con si del della dei delle al alla da come più ma anche sono ha "
        "se nel nella questo questa o ci suo sua stato essere hanno molto"
    ),
    "Portuguese": _words(
        "o a os as de e que do da em um uma para com não é por no na dos das se mais como mas ao foi ele seu sua ou ser "
        "quando muito nos já está eu também pelo pela até isso ela entre era tem são você"
    ),
    "Dutch": _words(
        "de het een en van ik te dat die in is hij niet zijn op aan met als voor had er maar om hem dan zou of wat mijn "
        "men dit zo door over ze zich bij ook tot je mij uit der daar haar naar heb hoe heeft hebben deze u want nog "
        "zal me zij nu ge geen omdat iets worden toch al waren veel meer doen toen moet ben zonder kan hun dus alles "
        "onder ja eens hier wie werd altijd"
    ),
}
"""Language to its words, in one case."""
