/* SPDX-License-Identifier: Apache-2.0
 * Function words (articles, pronouns, prepositions, auxiliaries, conjunctions) of the languages whose
 * alphabets set words apart. Written for latent: other engines' lists differ in places. */
#include "stopwords.h"

#include <string.h>

const char lt_stopwords_languages[] = 
    "danish, dutch, english, finnish, french, german, hungarian, indonesian, italian, "
    "norwegian, portuguese, romanian, russian, spanish, swedish, turkish";

/* clang-format off */
static const struct {
    const char *language, *words;
} lists[] = {
    {"danish",
     "og i jeg det at en den til er som på de med han af for ikke der var mig sig men et har "
     "om vi min havde ham hun nu over da fra du ud sin dem os op man hans hvor eller hvad "
     "skal selv her alle vil blev kunne ind når være dog noget ville jo deres efter ned "
     "skulle denne end dette mit også under have dig anden hende mine alt meget sit sine vor "
     "mod disse hvis din nogle hos blive mange ad bliver hendes været thi jer sådan"},
    {"dutch",
     "de en van ik te dat die in een hij het niet zijn is was op aan met als voor had er "
     "maar om hem dan zou of wat mijn men dit zo door over ze zich bij ook tot je mij uit "
     "der daar haar naar heb hoe heeft hebben deze u want nog zal me zij nu ge geen omdat "
     "iets worden toch al waren veel meer doen toen moet ben zonder kan hun dus alles onder "
     "ja eens hier wie werd altijd doch wordt wezen kunnen ons zelf tegen na reeds wil kon "
     "niets uw iemand geweest andere"},
    {"english",
     "a about above after again against all am an and any are as at be because been before "
     "being below between both but by can could did do does doing down during each few for "
     "from further had has have having he her here hers herself him himself his how i if in "
     "into is it its itself just me more most my myself no nor not now of off on once only "
     "or other our ours ourselves out over own same she should so some such than that the "
     "their theirs them themselves then there these they this those through to too under "
     "until up very was we were what when where which while who whom why will with would you "
     "your yours yourself yourselves"},
    {"finnish",
     "ja on ei se että hän oli olla ovat olen olet olemme olette olin olit olimme olitte "
     "olivat ole ollut olleet en et emme ette eivät minä minun minut minua sinä sinun sinut "
     "sinua hänen hänet häntä me meidän meidät te teidän he heidän heitä tämä tämän tätä "
     "tässä tuo tuon tuota nämä nuo ne niiden niitä sen sitä siitä siihen sillä kuka kenen "
     "ketä mikä minkä mitä missä joka jonka jota jossa jotka joiden jos kun kuin niin myös "
     "mutta tai vai vaan sekä sekin koska nyt itse"},
    {"french",
     "au aux avec ce ces cet cette dans de des du elle elles en et eux il ils je j la le les "
     "leur leurs lui ma mais me même mes moi mon ne n nos notre nous on ou où par pas pour "
     "qu que qui quoi s sa se ses si son sur ta te tes toi ton tu un une vos votre vous y à "
     "c d l m t été être est es suis sommes êtes sont étais était étions étiez étaient sera "
     "seront serait ai as a avons avez ont avais avait avions aviez avaient aura auront "
     "aurait eu plus comme donc"},
    {"german",
     "aber alle allem allen aller alles als also am an ander andere anderem anderen anderer "
     "anderes auch auf aus bei bin bis bist da damit dann das dasselbe dass daß dazu dein "
     "deine deinem deinen deiner dem den denn der derer des dessen dich die dies diese "
     "diesem diesen dieser dieses dir doch dort du durch ein eine einem einen einer eines "
     "einige er es etwas euch euer eure für gegen gewesen hab habe haben hat hatte hatten "
     "hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in indem ins ist jede "
     "jedem jeden jeder jedes jene jenem jenen jener jenes jetzt kann kein keine keinem "
     "keinen keiner können könnte machen man manche mein meine meinem meinen meiner mich mir "
     "mit muss musste nach nicht nichts noch nun nur ob oder ohne sehr sein seine seinem "
     "seinen seiner selbst sich sie sind so solche soll sollte sondern sonst um und uns "
     "unser unsere unter viel vom von vor war waren warst was weg weil weiter welche welchem "
     "welchen welcher wenn werde werden wie wieder will wir wird wirst wo wollen wollte "
     "während würde würden zu zum zur zwar zwischen über"},
    {"hungarian",
     "a az és hogy nem is egy ez azt csak ki meg de már még mint volt van vagy ha el én te ő "
     "mi ti ők nincs lesz lenne voltak vannak ezt erre arra ebben abban ami aki amely akik "
     "amikor ahol mert majd most itt ott így úgy pedig sem se be fel le át után előtt alatt "
     "között minden más sok igen"},
    {"indonesian",
     "yang dan di ke dari ini itu untuk pada dengan adalah tidak akan atau juga oleh saya "
     "kami kita anda dia mereka ada bisa dapat sudah telah belum dalam karena sebagai "
     "seperti hanya saja lebih para bagi agar jika kalau maka tetapi namun serta bahwa "
     "antara setelah sebelum ketika saat hingga sampai masih lagi sangat"},
    {"italian",
     "a ad ai agli al alla alle allo anche ancora avere aveva avevano c che chi ci come con "
     "contro cui d da dagli dai dal dalla dalle dallo dei degli del della delle dello di "
     "dove due e è ed era erano essere fu gli ha hai hanno ho i il in io l la le lei li lo "
     "loro lui ma mi mia mie miei mio ne negli nei nel nella nelle nello noi non nostra "
     "nostre nostri nostro o per perché più quale quanta quanto quella quelle quelli quello "
     "questa queste questi questo se sei si sia siamo siete sono sta stata stato su sua sue "
     "sugli sui sul sulla sulle sullo suo suoi ti tra tu tua tue tuo tuoi tutti tutto un una "
     "uno vi voi vostra vostro"},
    {"norwegian",
     "og i jeg det at en et den til er som på de med han av ikke der så var meg seg men ett "
     "har om vi min mitt ha hadde hun nå over da ved fra du ut sin dem oss opp man kan hans "
     "hvor eller hva skal selv sjøl her alle vil bli ble blitt kunne inn når være kom noen "
     "noe ville dere deres kun ja etter ned skulle denne for deg si sine sitt mot å meget "
     "hvorfor dette disse uten hvordan ingen din ditt blir samme hvilken sånn inni mellom "
     "vår hver hvem vors hvis både bare enn fordi før mange også slik vært begge siden henne "
     "hennes"},
    {"portuguese",
     "a à ao aos aquela aquelas aquele aqueles aquilo as às até com como da das de dela "
     "delas dele deles depois do dos e é ela elas ele eles em entre era eram essa essas esse "
     "esses esta está estas estava este estes eu foi for foram há isso isto já lhe lhes mais "
     "mas me mesmo meu meus minha minhas muito na não nas nem no nos nós nossa nossas nosso "
     "nossos num numa o os ou para pela pelas pelo pelos por qual quando que quem se seja "
     "sem ser será seu seus só são sua suas também te tem tém ter teu teus tu tua tuas um "
     "uma você vocês vos"},
    {"romanian",
     "a ai al ale am ar are asupra au ca că care ce cei cel cele cum cu da dar de deci din "
     "după ea ei el ele este eu fi fie fost iar în îi îl îmi între îşi își la le li lor lui "
     "mai mea mei meu mi ne nici nişte noastră noi nostru nu o pe pentru prin sa să sau se "
     "spre sub sunt și şi te tot toate toți tu un una unei unui va vă voi vor"},
    {"russian",
     "и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по только "
     "ее её мне было вот от меня еще ещё нет о из ему теперь когда даже ну ли если уже или "
     "ни быть был него до вас нибудь опять уж вам ведь там потом себя ничего ей может они "
     "тут где есть надо ней для мы тебя их чем была сам чтоб без будто чего раз тоже себе "
     "под будет ж тогда кто этот того потому этого какой ним здесь этом один почти мой тем "
     "чтобы нее сейчас были куда зачем всех можно при об хоть после над больше тот через эти "
     "нас про них какая много разве эту моя свою этой перед иногда лучше чуть том нельзя "
     "такой им более всегда конечно всю между"},
    {"spanish",
     "a al algo algunas algunos ante antes como con contra cual cuando de del desde donde "
     "durante e el él ella ellas ellos en entre era erais éramos eran eras eres es esa esas "
     "ese eso esos esta está estaba estado están estar estas este esto estos estoy fue "
     "fueron ha habéis haber había habían han has hasta hay he hemos la las le les lo los "
     "más me mi mí mía mis mucho muchos muy nada ni no nos nosotras nosotros nuestra nuestro "
     "o os otra otras otro otros para pero poco por porque que qué quien quienes se sea sean "
     "ser si sí sido sin sobre sois somos son soy su sus suya suyo también tanto te tenía "
     "tiene tienen todo todos tu tú tus un una uno unos vosotras vosotros vuestra vuestro y "
     "ya yo"},
    {"swedish",
     "och det att i en jag hon som han på den med var sig för så till är men ett om hade de "
     "av icke mig du henne då sin nu har inte hans honom skulle hennes där min man ej vid "
     "kunde något från ut när efter upp vi dem vara vad över än dig kan sina här ha mot alla "
     "under någon eller allt mycket sedan ju denna själv detta åt utan varit hur ingen mitt "
     "ni bli blev oss din dessa några deras blir mina samma vilken er sådan vår blivit dess "
     "inom mellan sådant varför varje vilka ditt vem vilket sitta sådana vart dina vars vårt "
     "våra ert era vilkas"},
    {"turkish",
     "ve bir bu da de ile için mi mı mu mü ne o ben sen biz siz onlar ama fakat veya ya ki "
     "gibi kadar daha en çok az her hiç şey şu değil var yok olarak olan oldu olduğu ise "
     "sonra önce göre bile yine çünkü eğer nasıl neden niçin hangi kim bana sana ona bize "
     "size onlara beni seni onu bizi sizi onları benim senin onun bizim sizin onların bunu "
     "şunu buna bunun diye hem ancak sadece"},
};
/* clang-format on */

const char *lt_stopwords_of(const char *language)
{
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (strcmp(lists[i].language, language) == 0)
            return lists[i].words;
    return NULL;
}
