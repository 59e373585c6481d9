#include "script/function.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/*
 * What a SELECT may call without being opaque.  A function that is not volatile cannot write; of the
 * volatile ones only those are here that touch no stored row.  Left out on purpose: lo_* (large
 * objects), query_to_xml, ts_stat and ts_rewrite (run SQL text), pg_terminate_backend and their like.
 * Listed from PostgreSQL 15's pg_proc, sorted by bytes; functions behind operators, casts,
 * aggregates and access methods are not called by name and not listed.
 */
static const char *const builtin[] = {
    "abbrev", "abs", "acldefault", "aclexplode", "acos", "acosd", "acosh", "age", "anyarray_send",
    "anycompatiblearray_send", "area", "array_agg", "array_dims", "array_fill", "array_length",
    "array_lower", "array_ndims", "array_position", "array_positions", "array_remove",
    "array_replace", "array_send", "array_to_json", "array_to_string", "array_to_tsvector",
    "array_upper", "ascii", "asin", "asind", "asinh", "atan", "atan2", "atan2d", "atand", "atanh",
    "avg", "bit", "bit_and", "bit_count", "bit_length", "bit_or", "bit_send", "bit_xor",
    "bittypmodin", "bool", "bool_and", "bool_or", "boolsend", "box", "box_send", "bpchar",
    "bpcharsend", "bpchartypmodin", "brin_bloom_summary_send", "brin_minmax_multi_summary_send",
    "broadcast", "btrim", "byteasend", "cardinality", "cash_send", "cash_words", "cbrt", "ceil",
    "ceiling", "center", "char", "char_length", "character_length", "charsend", "chr", "cidr",
    "cidr_send", "cidsend", "circle", "circle_send", "clock_timestamp", "col_description",
    "concat", "concat_ws", "convert", "convert_from", "convert_to", "corr", "cos", "cosd", "cosh",
    "cot", "cotd", "count", "covar_pop", "covar_samp", "cume_dist", "current_database",
    "current_query", "current_schema", "current_schemas", "current_setting", "current_user",
    "currval", "database_to_xml", "database_to_xml_and_xmlschema", "database_to_xmlschema",
    "date", "date_bin", "date_part", "date_send", "date_trunc", "datemultirange", "daterange",
    "daterange_canonical", "daterange_subdiff", "decode", "degrees", "dense_rank", "dexp",
    "diagonal", "diameter", "div", "dlog1", "dlog10", "dround", "dtrunc", "encode", "enum_first",
    "enum_last", "enum_range", "enum_send", "every", "exp", "extract", "factorial", "family",
    "first_value", "float4", "float4send", "float8", "float8send", "floor", "fmgr_c_validator",
    "fmgr_internal_validator", "fmgr_sql_validator", "format", "format_type", "gcd",
    "gen_random_uuid", "generate_series", "generate_subscripts", "get_bit", "get_byte",
    "get_current_ts_config", "getdatabaseencoding", "getpgusername", "has_any_column_privilege",
    "has_column_privilege", "has_database_privilege", "has_foreign_data_wrapper_privilege",
    "has_function_privilege", "has_language_privilege", "has_parameter_privilege",
    "has_schema_privilege", "has_sequence_privilege", "has_server_privilege",
    "has_table_privilege", "has_tablespace_privilege", "has_type_privilege", "height", "host",
    "hostmask", "inet_client_addr", "inet_client_port", "inet_send", "inet_server_addr",
    "inet_server_port", "initcap", "int2", "int2_avg_accum_inv", "int2int4_sum", "int2send",
    "int2vectorsend", "int4", "int4_avg_accum_inv", "int4inc", "int4multirange", "int4range",
    "int4range_canonical", "int4range_subdiff", "int4send", "int8", "int8_sum", "int8dec",
    "int8dec_any", "int8multirange", "int8range", "int8range_canonical", "int8range_subdiff",
    "int8send", "interval", "interval_accum_inv", "interval_send", "intervaltypmodin",
    "is_normalized", "isclosed", "isempty", "isfinite", "ishorizontal", "isopen", "isparallel",
    "isperp", "isvertical", "json_agg", "json_array_elements", "json_array_elements_text",
    "json_array_length", "json_build_array", "json_build_object", "json_each", "json_each_text",
    "json_object", "json_object_agg", "json_object_keys", "json_populate_record",
    "json_populate_recordset", "json_send", "json_strip_nulls", "json_to_record",
    "json_to_recordset", "json_to_tsvector", "json_typeof", "jsonb_agg", "jsonb_array_elements",
    "jsonb_array_elements_text", "jsonb_array_length", "jsonb_build_array", "jsonb_build_object",
    "jsonb_each", "jsonb_each_text", "jsonb_insert", "jsonb_object", "jsonb_object_agg",
    "jsonb_object_keys", "jsonb_path_exists", "jsonb_path_exists_tz", "jsonb_path_match",
    "jsonb_path_match_tz", "jsonb_path_query", "jsonb_path_query_array",
    "jsonb_path_query_array_tz", "jsonb_path_query_first", "jsonb_path_query_first_tz",
    "jsonb_path_query_tz", "jsonb_populate_record", "jsonb_populate_recordset", "jsonb_pretty",
    "jsonb_send", "jsonb_set", "jsonb_set_lax", "jsonb_strip_nulls", "jsonb_to_record",
    "jsonb_to_recordset", "jsonb_to_tsvector", "jsonb_typeof", "jsonpath_send", "justify_days",
    "justify_hours", "justify_interval", "lag", "last_value", "lastval", "lcm", "lead", "left",
    "length", "like", "like_escape", "line", "line_send", "ln", "log", "log10", "lower",
    "lower_inc", "lower_inf", "lpad", "lseg", "lseg_send", "ltrim", "macaddr", "macaddr8",
    "macaddr8_send", "macaddr8_set7bit", "macaddr_send", "make_date", "make_interval",
    "make_time", "make_timestamp", "make_timestamptz", "makeaclitem", "masklen", "max", "md5",
    "min", "min_scale", "mod", "mode", "money", "multirange", "multirange_send", "mxid_age",
    "name", "nameconcatoid", "namesend", "netmask", "network", "nextval", "normalize", "notlike",
    "now", "npoints", "nth_value", "ntile", "num_nonnulls", "num_nulls", "numeric",
    "numeric_div_trunc", "numeric_exp", "numeric_inc", "numeric_ln", "numeric_log",
    "numeric_send", "numeric_sqrt", "numerictypmodin", "nummultirange", "numnode", "numrange",
    "numrange_subdiff", "obj_description", "octet_length", "oid", "oidsend", "oidvectorsend",
    "oidvectortypes", "overlaps", "overlay", "parse_ident", "path", "path_send", "pclose",
    "percent_rank", "percentile_cont", "percentile_disc", "pg_advisory_lock",
    "pg_advisory_lock_shared", "pg_advisory_unlock", "pg_advisory_unlock_all",
    "pg_advisory_unlock_shared", "pg_advisory_xact_lock", "pg_advisory_xact_lock_shared",
    "pg_available_extension_versions", "pg_available_extensions", "pg_backend_pid",
    "pg_blocking_pids", "pg_char_to_encoding", "pg_client_encoding", "pg_collation_for",
    "pg_collation_is_visible", "pg_column_compression", "pg_column_is_updatable",
    "pg_column_size", "pg_conf_load_time", "pg_config", "pg_conversion_is_visible",
    "pg_current_snapshot", "pg_current_xact_id", "pg_current_xact_id_if_assigned", "pg_cursor",
    "pg_database_size", "pg_ddl_command_send", "pg_dependencies_send", "pg_describe_object",
    "pg_encoding_max_length", "pg_encoding_to_char", "pg_event_trigger_ddl_commands",
    "pg_event_trigger_dropped_objects", "pg_event_trigger_table_rewrite_oid",
    "pg_event_trigger_table_rewrite_reason", "pg_extension_update_paths", "pg_filenode_relation",
    "pg_function_is_visible", "pg_get_catalog_foreign_keys", "pg_get_constraintdef",
    "pg_get_expr", "pg_get_function_arg_default", "pg_get_function_arguments",
    "pg_get_function_identity_arguments", "pg_get_function_result", "pg_get_function_sqlbody",
    "pg_get_functiondef", "pg_get_indexdef", "pg_get_keywords", "pg_get_object_address",
    "pg_get_partition_constraintdef", "pg_get_partkeydef", "pg_get_publication_tables",
    "pg_get_replica_identity_index", "pg_get_replication_slots", "pg_get_ruledef",
    "pg_get_serial_sequence", "pg_get_statisticsobjdef", "pg_get_statisticsobjdef_columns",
    "pg_get_statisticsobjdef_expressions", "pg_get_triggerdef", "pg_get_userbyid",
    "pg_get_viewdef", "pg_has_role", "pg_identify_object", "pg_identify_object_as_address",
    "pg_index_column_has_property", "pg_index_has_property", "pg_indexam_has_property",
    "pg_indexam_progress_phasename", "pg_indexes_size", "pg_is_in_recovery",
    "pg_is_other_temp_schema", "pg_listening_channels", "pg_lsn", "pg_lsn_send",
    "pg_mcv_list_items", "pg_mcv_list_send", "pg_my_temp_schema", "pg_ndistinct_send",
    "pg_node_tree_send", "pg_notify", "pg_opclass_is_visible", "pg_operator_is_visible",
    "pg_opfamily_is_visible", "pg_options_to_table", "pg_partition_root",
    "pg_postmaster_start_time", "pg_prepared_statement", "pg_relation_filenode",
    "pg_relation_filepath", "pg_relation_is_publishable", "pg_relation_is_updatable",
    "pg_relation_size", "pg_replication_origin_oid", "pg_sequence_parameters",
    "pg_settings_get_flags", "pg_show_all_settings", "pg_size_bytes", "pg_size_pretty",
    "pg_sleep", "pg_sleep_for", "pg_sleep_until", "pg_snapshot_send", "pg_snapshot_xip",
    "pg_snapshot_xmax", "pg_snapshot_xmin", "pg_statistics_obj_is_visible", "pg_table_is_visible",
    "pg_table_size", "pg_tablespace_databases", "pg_tablespace_location", "pg_timezone_abbrevs",
    "pg_timezone_names", "pg_total_relation_size", "pg_trigger_depth", "pg_try_advisory_lock",
    "pg_try_advisory_xact_lock", "pg_ts_config_is_visible", "pg_ts_dict_is_visible",
    "pg_ts_parser_is_visible", "pg_ts_template_is_visible", "pg_type_is_visible", "pg_typeof",
    "pg_visible_in_snapshot", "pg_wal_lsn_diff", "pg_walfile_name", "pg_walfile_name_offset",
    "phraseto_tsquery", "pi", "plainto_tsquery", "point", "point_send", "poly_send", "polygon",
    "popen", "position", "postgresql_fdw_validator", "pow", "power", "querytree", "quote_ident",
    "quote_literal", "quote_nullable", "radians", "radius", "random", "range_agg",
    "range_intersect_agg", "range_merge", "range_send", "rank", "record_send", "regclass",
    "regclasssend", "regcollationsend", "regconfigsend", "regdictionarysend", "regexp_count",
    "regexp_instr", "regexp_like", "regexp_match", "regexp_matches", "regexp_replace",
    "regexp_split_to_array", "regexp_split_to_table", "regexp_substr", "regnamespacesend",
    "regoperatorsend", "regopersend", "regproceduresend", "regprocsend", "regr_avgx", "regr_avgy",
    "regr_count", "regr_intercept", "regr_r2", "regr_slope", "regr_sxx", "regr_sxy", "regr_syy",
    "regrolesend", "regtypesend", "repeat", "replace", "reverse", "right", "round", "row_number",
    "row_security_active", "row_to_json", "rpad", "rtrim", "satisfies_hash_partition", "scale",
    "schema_to_xml", "schema_to_xml_and_xmlschema", "schema_to_xmlschema", "session_user",
    "set_bit", "set_byte", "set_config", "set_masklen", "setseed", "setval", "setweight",
    "sha224", "sha256", "sha384", "sha512", "shobj_description", "sign", "similar_escape",
    "similar_to_escape", "sin", "sind", "sinh", "slope", "split_part", "sqrt",
    "statement_timestamp", "stddev", "stddev_pop", "stddev_samp", "string_agg", "string_to_array",
    "string_to_table", "strip", "strpos", "substr", "substring", "sum", "table_to_xml",
    "table_to_xml_and_xmlschema", "table_to_xmlschema", "tan", "tand", "tanh", "text", "textlen",
    "textsend", "tidsend", "time", "time_send", "timeofday", "timestamp", "timestamp_send",
    "timestamptypmodin", "timestamptz", "timestamptz_send", "timestamptztypmodin", "timetypmodin",
    "timetz", "timetz_send", "timetztypmodin", "timezone", "to_ascii", "to_char", "to_date",
    "to_hex", "to_json", "to_jsonb", "to_number", "to_regclass", "to_regcollation",
    "to_regnamespace", "to_regoper", "to_regoperator", "to_regproc", "to_regprocedure",
    "to_regrole", "to_regtype", "to_timestamp", "to_tsquery", "to_tsvector",
    "transaction_timestamp", "translate", "trim_array", "trim_scale", "trunc", "ts_debug",
    "ts_delete", "ts_filter", "ts_headline", "ts_lexize", "ts_parse", "ts_rank", "ts_rank_cd",
    "ts_token_type", "tsmultirange", "tsquery_phrase", "tsquerysend", "tsrange",
    "tsrange_subdiff", "tstzmultirange", "tstzrange", "tstzrange_subdiff", "tsvector_to_array",
    "tsvectorsend", "txid_current", "txid_current_if_assigned", "txid_current_snapshot",
    "txid_snapshot_send", "txid_snapshot_xip", "txid_snapshot_xmax", "txid_snapshot_xmin",
    "txid_visible_in_snapshot", "unistr", "unknownsend", "unnest", "upper", "upper_inc",
    "upper_inf", "uuid_send", "var_pop", "var_samp", "varbit", "varbit_send", "varbittypmodin",
    "varchar", "varcharsend", "varchartypmodin", "variance", "version", "void_send",
    "websearch_to_tsquery", "width", "width_bucket", "xid", "xid8send", "xidsend", "xml",
    "xml_is_well_formed", "xml_is_well_formed_content", "xml_is_well_formed_document", "xml_send",
    "xmlagg", "xmlcomment", "xmlexists", "xmlvalidate", "xpath", "xpath_exists",
};

/* Of extensions that migrations commonly use, in whatever schema; and newer built-in ones.  Not
 * those that a user may well have called a function of their own (hstore's delete, PostGIS' st_*):
 * what could do anything is never taken for harmless by its name. */
static const char *const extension[] = {
    "akeys", "any_value", "armor", "array_sample", "array_shuffle", "avals", "crypt",
    "daitch_mokotoff", "date_add", "date_subtract", "dearmor", "decrypt", "decrypt_iv",
    "digest", "dmetaphone", "encrypt", "encrypt_iv",
    "gen_random_bytes", "gen_salt", "hmac", "hstore", "hstore_to_json", "hstore_to_jsonb",
    "json_array_agg", "json_scalar", "json_serialize", "lca", "levenshtein", "ltree2text",
    "metaphone", "nlevel", "pgp_pub_decrypt", "pgp_pub_encrypt", "pgp_sym_decrypt",
    "pgp_sym_encrypt", "random_normal", "set_limit", "show_trgm", "similarity", "skeys",
    "soundex", "strict_word_similarity", "subltree", "subpath", "svals", "text2ltree", "unaccent",
    "uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v3", "uuid_generate_v4",
    "uuid_generate_v5", "uuid_nil", "uuid_ns_dns", "uuid_ns_oid", "uuid_ns_url", "uuid_ns_x500",
    "uuidv4", "uuidv7", "word_similarity",
};

static int compare(const void *key, const void *item)
{
    return strcmp(key, *(const char *const *)item);
}

static int listed(const char *const *list, size_t n, const char *name)
{
    return bsearch(name, list, n, sizeof(*list), compare) != NULL;
}

int function_harmless(const char *schema, const char *name)
{
    if (listed(extension, sizeof(extension) / sizeof(extension[0]), name))
        return 1;
    return (schema == NULL || strcmp(schema, "pg_catalog") == 0) &&
           listed(builtin, sizeof(builtin) / sizeof(builtin[0]), name);
}
