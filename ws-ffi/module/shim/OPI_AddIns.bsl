// Необязательный модуль для кода, который вызывает OPI_AddIns или OPI_Компоненты: создайте общий модуль с тем
// из этих имён, которое вызывается. Рядом с прежним продуктом его ставить нельзя.
//
// Сделан командой cargo xtask modules; не правьте его здесь.

#Область ПрограммныйИнтерфейс

// Создаёт настройки TLS для ОткрытьСоединение.
//
// Параметры:
//  ОтключитьПроверкуСертификатов - Булево - Принимать любой сертификат; важнее пути к сертификату
//  ПутьКСертификату - Строка - Файл PEM с дополнительными центрами сертификации
//
// Возвращаемое значение:
//  Структура
//
Функция ПолучитьНастройкиTls(Знач ОтключитьПроверкуСертификатов, Знач ПутьКСертификату = "") Экспорт
    Возврат OPI_WebSocket.ПолучитьНастройкиTls(ОтключитьПроверкуСертификатов, ПутьКСертификату);
КонецФункции

// Makes the TLS settings for CreateConnection.
//
// Parameters:
//  DisableCertVerification - Boolean - Accepts any certificate; takes precedence over CertFilepath
//  CertFilepath - String - A PEM file of more authorities
//
// Returns:
//  Structure
//
Функция GetTlsSettings(Знач DisableCertVerification, Знач CertFilepath = "") Экспорт
    Возврат OPI_WebSocket.GetTlsSettings(DisableCertVerification, CertFilepath);
КонецФункции

// Создаёт настройки прокси для ОткрытьСоединение.
//
// Параметры:
//  Адрес - Строка - Имя или IP-адрес прокси
//  Порт - Число, Строка - Порт прокси
//  Вид - Строка - http, https, socks4, socks4a, socks5 или socks5h
//  Логин - Строка, Неопределено - Имя пользователя, если нужно прокси
//  Пароль - Строка, Неопределено - Пароль, если нужен прокси
//
// Возвращаемое значение:
//  Структура
//
Функция ПолучитьНастройкиПрокси(Знач Адрес, Знач Порт, Знач Вид = "socks5", Знач Логин = Неопределено, Знач Пароль = Неопределено) Экспорт
    Возврат OPI_WebSocket.ПолучитьНастройкиПрокси(Адрес, Порт, Вид, Логин, Пароль);
КонецФункции

// Makes the proxy settings for CreateConnection.
//
// Parameters:
//  Address - String - Host name or IP address of the proxy
//  Port - Number, String - Port of the proxy
//  View - String - http, https, socks4, socks4a, socks5 or socks5h
//  Login - String, Undefined - User name, if the proxy wants one
//  Password - String, Undefined - Password, if the proxy wants one
//
// Returns:
//  Structure
//
Функция GetProxySettings(Знач Address, Знач Port, Знач View = "socks5", Знач Login = Неопределено, Знач Password = Неопределено) Экспорт
    Возврат OPI_WebSocket.GetProxySettings(Address, Port, View, Login, Password);
КонецФункции

// Создаёт настройки журнала событий для ОткрытьСоединение и ЗапуститьСервер.
//
// Параметры:
//  ЗаписьВПамять - Булево - Хранить последние строки в памяти для ПолучитьЛог
//  МаксимумСобытий - Число, Строка - Сколько строк хранить в памяти
//  ПутьКФайлу - Строка - Файл, куда пишется каждая строка; сменяется при 10 МиБ
//
// Возвращаемое значение:
//  Структура
//
Функция ПолучитьНастройкиЛогирования(Знач ЗаписьВПамять = Истина, Знач МаксимумСобытий = 300, Знач ПутьКФайлу = "") Экспорт
    Возврат OPI_WebSocket.ПолучитьНастройкиЛогирования(ЗаписьВПамять, МаксимумСобытий, ПутьКФайлу);
КонецФункции

// Makes the settings of an event log for CreateConnection and StartServer.
//
// Parameters:
//  WriteToMemory - Boolean - Keeps the newest lines in memory for GetLog
//  MaxEvents - Number, String - Lines kept in memory
//  FilePath - String - A file that gets every line; rotated at 10 MiB
//
// Returns:
//  Structure
//
Функция GetLoggingSettings(Знач WriteToMemory = Истина, Знач MaxEvents = 300, Знач FilePath = "") Экспорт
    Возврат OPI_WebSocket.GetLoggingSettings(WriteToMemory, MaxEvents, FilePath);
КонецФункции

// Возвращает последние строки журнала событий объекта.
//
// Параметры:
//  ОбъектКомпоненты - ВнешняяКомпонента - Результат ОткрытьСоединение или ЗапуститьСервер
//  КакСтрока - Булево - Вернуть одну строку, по событию на строке
//  ЧислоСобытий - Число, Строка - Наибольшее число строк; 0: все
//
// Возвращаемое значение:
//  Соответствие - с logs, returned и total; Строка - если КакСтрока
//
Функция ПолучитьЛог(Знач ОбъектКомпоненты, Знач КакСтрока = Ложь, Знач ЧислоСобытий = 100) Экспорт
    Возврат OPI_WebSocket.ПолучитьЛог(ОбъектКомпоненты, КакСтрока, ЧислоСобытий);
КонецФункции

// Returns the newest lines of an object's event log.
//
// Parameters:
//  AddInObject - AddIn - Result of CreateConnection or StartServer
//  AsString - Boolean - Returns one string with a line for each event
//  EventCount - Number, String - Most lines; 0 is all
//
// Returns:
//  Map - with logs, returned and total; String - if AsString
//
Функция GetLog(Знач AddInObject, Знач AsString = Ложь, Знач EventCount = 100) Экспорт
    Возврат OPI_WebSocket.GetLog(AddInObject, AsString, EventCount);
КонецФункции

#КонецОбласти
