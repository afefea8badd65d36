-- currencies: ISO 4217, list one of the maintenance agency as of 2026-01-01 (up to amendment 180), and what has left it since 2021.

CREATE TABLE swipesavvy.currencies (
    code char(3) NOT NULL,
    numeric_code char(3),
    minor_unit integer,
    is_fund boolean NOT NULL DEFAULT false,
    name text NOT NULL,
    withdrawn_on date,
    is_seed boolean NOT NULL DEFAULT true,
    CONSTRAINT currencies_pkey PRIMARY KEY (code),
    CONSTRAINT a_currency_has_three_letters CHECK (code ~ '^[A-Z]{3}$'),
    CONSTRAINT a_currency_has_a_name CHECK (name ~ '\S' AND length(name) <= 200),
    CONSTRAINT a_minor_unit_is_from_0_to_4 CHECK (minor_unit BETWEEN 0 AND 4)
);
COMMENT ON TABLE swipesavvy.currencies IS 'Currencies of ISO 4217; every release brings the list of its day, and a dump has those that were added.';
COMMENT ON COLUMN swipesavvy.currencies.minor_unit IS 'Decimal places; null for metals, funds'' and test codes, which no purchase can be in.';
COMMENT ON COLUMN swipesavvy.currencies.numeric_code IS 'That of ISO 4217; a new currency may have the one of the currency that it replaces.';
COMMENT ON COLUMN swipesavvy.currencies.withdrawn_on IS
    'Since when ISO 4217 lists it as historic; it is kept, so that purchases of its time can be loaded and read.';
COMMENT ON COLUMN swipesavvy.currencies.is_seed IS
    'Came with the extension; a row that is restored or replicated takes its place.';

INSERT INTO swipesavvy.currencies (code, numeric_code, minor_unit, is_fund, name) VALUES
    ('AED', '784', 2, false, 'UAE Dirham'), ('AFN', '971', 2, false, 'Afghani'), ('ALL', '008', 2, false, 'Lek'),
    ('AMD', '051', 2, false, 'Armenian Dram'), ('AOA', '973', 2, false, 'Kwanza'),
    ('ARS', '032', 2, false, 'Argentine Peso'), ('AUD', '036', 2, false, 'Australian Dollar'), ('AWG', '533', 2, false, 'Aruban Florin'),
    ('AZN', '944', 2, false, 'Azerbaijan Manat'), ('BAM', '977', 2, false, 'Convertible Mark'), ('BBD', '052', 2, false, 'Barbados Dollar'),
    ('BDT', '050', 2, false, 'Taka'), ('BHD', '048', 3, false, 'Bahraini Dinar'),
    ('BIF', '108', 0, false, 'Burundi Franc'), ('BMD', '060', 2, false, 'Bermudian Dollar'), ('BND', '096', 2, false, 'Brunei Dollar'),
    ('BOB', '068', 2, false, 'Boliviano'), ('BOV', '984', 2, true, 'Mvdol'), ('BRL', '986', 2, false, 'Brazilian Real'),
    ('BSD', '044', 2, false, 'Bahamian Dollar'), ('BTN', '064', 2, false, 'Ngultrum'), ('BWP', '072', 2, false, 'Pula'),
    ('BYN', '933', 2, false, 'Belarusian Ruble'), ('BZD', '084', 2, false, 'Belize Dollar'), ('CAD', '124', 2, false, 'Canadian Dollar'),
    ('CDF', '976', 2, false, 'Congolese Franc'), ('CHE', '947', 2, true, 'WIR Euro'), ('CHF', '756', 2, false, 'Swiss Franc'),
    ('CHW', '948', 2, true, 'WIR Franc'), ('CLF', '990', 4, true, 'Unidad de Fomento'), ('CLP', '152', 0, false, 'Chilean Peso'),
    ('CNY', '156', 2, false, 'Yuan Renminbi'), ('COP', '170', 2, false, 'Colombian Peso'), ('COU', '970', 2, true, 'Unidad de Valor Real'),
    ('CRC', '188', 2, false, 'Costa Rican Colon'), ('CUP', '192', 2, false, 'Cuban Peso'),
    ('CVE', '132', 2, false, 'Cabo Verde Escudo'), ('CZK', '203', 2, false, 'Czech Koruna'), ('DJF', '262', 0, false, 'Djibouti Franc'),
    ('DKK', '208', 2, false, 'Danish Krone'), ('DOP', '214', 2, false, 'Dominican Peso'), ('DZD', '012', 2, false, 'Algerian Dinar'),
    ('EGP', '818', 2, false, 'Egyptian Pound'), ('ERN', '232', 2, false, 'Nakfa'), ('ETB', '230', 2, false, 'Ethiopian Birr'),
    ('EUR', '978', 2, false, 'Euro'), ('FJD', '242', 2, false, 'Fiji Dollar'), ('FKP', '238', 2, false, 'Falkland Islands Pound'),
    ('GBP', '826', 2, false, 'Pound Sterling'), ('GEL', '981', 2, false, 'Lari'), ('GHS', '936', 2, false, 'Ghana Cedi'),
    ('GIP', '292', 2, false, 'Gibraltar Pound'), ('GMD', '270', 2, false, 'Dalasi'), ('GNF', '324', 0, false, 'Guinean Franc'),
    ('GTQ', '320', 2, false, 'Quetzal'), ('GYD', '328', 2, false, 'Guyana Dollar'), ('HKD', '344', 2, false, 'Hong Kong Dollar'),
    ('HNL', '340', 2, false, 'Lempira'), ('HTG', '332', 2, false, 'Gourde'), ('HUF', '348', 2, false, 'Forint'), ('IDR', '360', 2, false, 'Rupiah'),
    ('ILS', '376', 2, false, 'New Israeli Sheqel'), ('INR', '356', 2, false, 'Indian Rupee'), ('IQD', '368', 3, false, 'Iraqi Dinar'),
    ('IRR', '364', 2, false, 'Iranian Rial'), ('ISK', '352', 0, false, 'Iceland Krona'), ('JMD', '388', 2, false, 'Jamaican Dollar'),
    ('JOD', '400', 3, false, 'Jordanian Dinar'), ('JPY', '392', 0, false, 'Yen'), ('KES', '404', 2, false, 'Kenyan Shilling'),
    ('KGS', '417', 2, false, 'Som'), ('KHR', '116', 2, false, 'Riel'), ('KMF', '174', 0, false, 'Comorian Franc'),
    ('KPW', '408', 2, false, 'North Korean Won'), ('KRW', '410', 0, false, 'Won'), ('KWD', '414', 3, false, 'Kuwaiti Dinar'),
    ('KYD', '136', 2, false, 'Cayman Islands Dollar'), ('KZT', '398', 2, false, 'Tenge'), ('LAK', '418', 2, false, 'Lao Kip'),
    ('LBP', '422', 2, false, 'Lebanese Pound'), ('LKR', '144', 2, false, 'Sri Lanka Rupee'), ('LRD', '430', 2, false, 'Liberian Dollar'),
    ('LSL', '426', 2, false, 'Loti'), ('LYD', '434', 3, false, 'Libyan Dinar'), ('MAD', '504', 2, false, 'Moroccan Dirham'),
    ('MDL', '498', 2, false, 'Moldovan Leu'), ('MGA', '969', 2, false, 'Malagasy Ariary'), ('MKD', '807', 2, false, 'Denar'),
    ('MMK', '104', 2, false, 'Kyat'), ('MNT', '496', 2, false, 'Tugrik'), ('MOP', '446', 2, false, 'Pataca'), ('MRU', '929', 2, false, 'Ouguiya'),
    ('MUR', '480', 2, false, 'Mauritius Rupee'), ('MVR', '462', 2, false, 'Rufiyaa'), ('MWK', '454', 2, false, 'Malawi Kwacha'),
    ('MXN', '484', 2, false, 'Mexican Peso'), ('MXV', '979', 2, true, 'Mexican Unidad de Inversion (UDI)'),
    ('MYR', '458', 2, false, 'Malaysian Ringgit'), ('MZN', '943', 2, false, 'Mozambique Metical'), ('NAD', '516', 2, false, 'Namibia Dollar'),
    ('NGN', '566', 2, false, 'Naira'), ('NIO', '558', 2, false, 'Cordoba Oro'), ('NOK', '578', 2, false, 'Norwegian Krone'),
    ('NPR', '524', 2, false, 'Nepalese Rupee'), ('NZD', '554', 2, false, 'New Zealand Dollar'), ('OMR', '512', 3, false, 'Rial Omani'),
    ('PAB', '590', 2, false, 'Balboa'), ('PEN', '604', 2, false, 'Sol'), ('PGK', '598', 2, false, 'Kina'),
    ('PHP', '608', 2, false, 'Philippine Peso'), ('PKR', '586', 2, false, 'Pakistan Rupee'), ('PLN', '985', 2, false, 'Zloty'),
    ('PYG', '600', 0, false, 'Guarani'), ('QAR', '634', 2, false, 'Qatari Rial'), ('RON', '946', 2, false, 'Romanian Leu'),
    ('RSD', '941', 2, false, 'Serbian Dinar'), ('RUB', '643', 2, false, 'Russian Ruble'), ('RWF', '646', 0, false, 'Rwanda Franc'),
    ('SAR', '682', 2, false, 'Saudi Riyal'), ('SBD', '090', 2, false, 'Solomon Islands Dollar'), ('SCR', '690', 2, false, 'Seychelles Rupee'),
    ('SDG', '938', 2, false, 'Sudanese Pound'), ('SEK', '752', 2, false, 'Swedish Krona'), ('SGD', '702', 2, false, 'Singapore Dollar'),
    ('SHP', '654', 2, false, 'Saint Helena Pound'), ('SLE', '925', 2, false, 'Leone'), ('SOS', '706', 2, false, 'Somali Shilling'),
    ('SRD', '968', 2, false, 'Surinam Dollar'), ('SSP', '728', 2, false, 'South Sudanese Pound'), ('STN', '930', 2, false, 'Dobra'),
    ('SVC', '222', 2, false, 'El Salvador Colon'), ('SYP', '760', 2, false, 'Syrian Pound'), ('SZL', '748', 2, false, 'Lilangeni'),
    ('THB', '764', 2, false, 'Baht'), ('TJS', '972', 2, false, 'Somoni'), ('TMT', '934', 2, false, 'Turkmenistan New Manat'),
    ('TND', '788', 3, false, 'Tunisian Dinar'), ('TOP', '776', 2, false, 'Pa''anga'), ('TRY', '949', 2, false, 'Turkish Lira'),
    ('TTD', '780', 2, false, 'Trinidad and Tobago Dollar'), ('TWD', '901', 2, false, 'New Taiwan Dollar'),
    ('TZS', '834', 2, false, 'Tanzanian Shilling'), ('UAH', '980', 2, false, 'Hryvnia'), ('UGX', '800', 0, false, 'Uganda Shilling'),
    ('USD', '840', 2, false, 'US Dollar'), ('USN', '997', 2, true, 'US Dollar (Next day)'),
    ('UYI', '940', 0, true, 'Uruguay Peso en Unidades Indexadas (UI)'), ('UYU', '858', 2, false, 'Peso Uruguayo'),
    ('UYW', '927', 4, false, 'Unidad Previsional'), ('UZS', '860', 2, false, 'Uzbekistan Sum'), ('VED', '926', 2, false, 'Bolivar Soberano'),
    ('VES', '928', 2, false, 'Bolivar Soberano'), ('VND', '704', 0, false, 'Dong'), ('VUV', '548', 0, false, 'Vatu'),
    ('WST', '882', 2, false, 'Tala'), ('XAD', '396', 2, false, 'Arab Accounting Dinar'), ('XAF', '950', 0, false, 'CFA Franc BEAC'), ('XAG', '961', NULL, false, 'Silver'),
    ('XAU', '959', NULL, false, 'Gold'), ('XBA', '955', NULL, false, 'Bond Markets Unit European Composite Unit (EURCO)'),
    ('XBB', '956', NULL, false, 'Bond Markets Unit European Monetary Unit (E.M.U.-6)'),
    ('XBC', '957', NULL, false, 'Bond Markets Unit European Unit of Account 9 (E.U.A.-9)'),
    ('XBD', '958', NULL, false, 'Bond Markets Unit European Unit of Account 17 (E.U.A.-17)'), ('XCD', '951', 2, false, 'East Caribbean Dollar'), ('XCG', '532', 2, false, 'Caribbean Guilder'),
    ('XDR', '960', NULL, false, 'SDR (Special Drawing Right)'), ('XOF', '952', 0, false, 'CFA Franc BCEAO'), ('XPD', '964', NULL, false, 'Palladium'),
    ('XPF', '953', 0, false, 'CFP Franc'), ('XPT', '962', NULL, false, 'Platinum'), ('XSU', '994', NULL, false, 'Sucre'),
    ('XTS', '963', NULL, false, 'Codes specifically reserved for testing purposes'), ('XUA', '965', NULL, false, 'ADB Unit of Account'),
    ('XXX', '999', NULL, false, 'The codes assigned for transactions where no currency is involved'), ('YER', '886', 2, false, 'Yemeni Rial'),
    ('ZAR', '710', 2, false, 'Rand'), ('ZMW', '967', 2, false, 'Zambian Kwacha'), ('ZWG', '924', 2, false, 'Zimbabwe Gold');
INSERT INTO swipesavvy.currencies (code, numeric_code, minor_unit, name, withdrawn_on) VALUES
    ('ANG', '532', 2, 'Netherlands Antillean Guilder', '2025-03-31'), ('BGN', '975', 2, 'Bulgarian Lev', '2026-01-01'),
    ('CUC', '931', 2, 'Peso Convertible', '2021-07-01'), ('HRK', '191', 2, 'Kuna', '2023-01-01'),
    ('SLL', '694', 2, 'Leone (until 2023)', '2024-01-01'), ('ZWL', '932', 2, 'Zimbabwe Dollar (2009)', '2024-09-01');
ALTER TABLE swipesavvy.currencies ALTER is_seed SET DEFAULT false;

CREATE FUNCTION swipesavvy.restore_currencies() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    UPDATE swipesavvy.currencies c
       SET numeric_code = NEW.numeric_code, minor_unit = NEW.minor_unit, is_fund = NEW.is_fund, name = NEW.name,
           withdrawn_on = NEW.withdrawn_on, is_seed = NEW.is_seed
     WHERE c.code = NEW.code AND c.is_seed;
    IF FOUND THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION swipesavvy.restore_currencies() IS 'Trigger: a restored row takes the place of the seeded one.';

CREATE TRIGGER restore_over_seed BEFORE INSERT ON swipesavvy.currencies
    FOR EACH ROW EXECUTE FUNCTION swipesavvy.restore_currencies();

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.currencies', 'WHERE NOT is_seed');

CREATE FUNCTION swipesavvy.add_currency(code text, exponent integer, name text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_add_currency';
COMMENT ON FUNCTION swipesavvy.add_currency(text, integer, text) IS
    'Adds a currency that is not on the list, with so many decimal places (0 to 4); its name is the code unless given.';
