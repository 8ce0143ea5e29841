"""BCP 47 tags from the names that packages use: POSIX locales, file suffixes, ISO 639-3 codes."""

from __future__ import annotations

import re

from jobs.text.language_facts import facts

UNKNOWN = "und"

_SCRIPTS = {"latin": "Latn", "latn": "Latn", "cyrillic": "Cyrl", "cyrl": "Cyrl", "devanagari": "Deva", "arab": "Arab"}
_LOCALE = re.compile(r"^([A-Za-z]{2,3})(?:[_-]([A-Za-z0-9_-]+))?(?:\.[A-Za-z0-9-]+)?(?:@([A-Za-z0-9]+))?$")

# BCP 47 takes the two-letter code where ISO 639-1 has one (RFC 5646, 2.2.1): ISO 639-3 to ISO 639-1, all of it.
_ISO_639_1 = """
    aar=aa abk=ab ave=ae afr=af aka=ak amh=am arg=an ara=ar asm=as ava=av aym=ay aze=az bak=ba bel=be bul=bg bis=bi
    bam=bm ben=bn bod=bo bre=br bos=bs cat=ca che=ce cha=ch cos=co cre=cr ces=cs chu=cu chv=cv cym=cy dan=da deu=de
    div=dv dzo=dz ewe=ee ell=el eng=en epo=eo spa=es est=et eus=eu fas=fa ful=ff fin=fi fij=fj fao=fo fra=fr fry=fy
    gle=ga gla=gd glg=gl grn=gn guj=gu glv=gv hau=ha heb=he hin=hi hmo=ho hrv=hr hat=ht hun=hu hye=hy her=hz ina=ia
    ind=id ile=ie ibo=ig iii=ii ipk=ik ido=io isl=is ita=it iku=iu jpn=ja jav=jv kat=ka kon=kg kik=ki kua=kj kaz=kk
    kal=kl khm=km kan=kn kor=ko kau=kr kas=ks kur=ku kom=kv cor=kw kir=ky lat=la ltz=lb lug=lg lim=li lin=ln lao=lo
    lit=lt lub=lu lav=lv mlg=mg mah=mh mri=mi mkd=mk mal=ml mon=mn mar=mr msa=ms mlt=mt mya=my nau=na nob=nb nde=nd
    nep=ne ndo=ng nld=nl nno=nn nor=no nbl=nr nav=nv nya=ny oci=oc oji=oj orm=om ori=or oss=os pan=pa pli=pi pol=pl
    pus=ps por=pt que=qu roh=rm run=rn ron=ro rus=ru kin=rw san=sa srd=sc snd=sd sme=se sag=sg sin=si slk=sk slv=sl
    smo=sm sna=sn som=so sqi=sq srp=sr ssw=ss sot=st sun=su swe=sv swa=sw tam=ta tel=te tgk=tg tha=th tir=ti tuk=tk
    tgl=tl tsn=tn ton=to tur=tr tso=ts tat=tt twi=tw tah=ty uig=ug ukr=uk urd=ur uzb=uz ven=ve vie=vi vol=vo wln=wa
    wol=wo xho=xh yid=yi yor=yo zha=za zho=zh zul=zu
"""

# Languages that ISO 639-3 counts as the common member of a macrolanguage, which BCP 47 writes by the latter's code.
_COMMON_MEMBERS = """
    als=sq arb=ar azj=az ccx=za cmn=zh ekk=et gug=gn ike=iu khk=mn kmr=ku lvs=lv npi=ne ory=or pes=fa plt=mg swh=sw
    uzn=uz ydd=yi zlm=ms
"""
_SHORT = dict(pair.split("=") for pair in (_ISO_639_1 + _COMMON_MEMBERS).split())


def bcp47(name: str) -> str:
    """Return the BCP 47 tag of a locale or language code; ``und`` where it is none.

    >>> bcp47("zh_CN"), bcp47("ca@valencia"), bcp47("cmn_hans"), bcp47("en-us"), bcp47("deu"), bcp47("?")
    ('zh-CN', 'ca-valencia', 'zh-Hans', 'en-US', 'de', 'und')
    """
    match = _LOCALE.match(name.strip())
    if match is None:
        return UNKNOWN
    language, rest, modifier = match.groups()
    code = facts().replaced.get(language.lower(), language.lower())
    parts = [_SHORT.get(code, code)]
    for part in re.split(r"[_-]", rest or ""):
        if len(part) == 4 and part.isascii() and part.isalpha():
            parts.append(part.title())
        elif (len(part) == 2 and part.isalpha()) or (len(part) == 3 and part.isdigit()):
            parts.append(part.upper())
        elif 5 <= len(part) <= 8 and part.isalnum():
            parts.append(part.lower())
    if modifier:
        script = _SCRIPTS.get(modifier.lower())
        if script:
            parts.insert(1, script)
        elif len(modifier) >= 5:
            parts.append(modifier.lower())
    return "-".join(parts)
