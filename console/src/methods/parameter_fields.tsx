// SPDX-License-Identifier: Apache-2.0
//
// The parameters of a method as fields: what it is for, what it may be, what it is when it is
// left alone.
import { Autocomplete, Checkbox, PasswordInput, Select, Stack, Text, Textarea, TextInput } from "@mantine/core";
import type { ClipboardEvent, ReactNode } from "react";

import { visibleLine } from "../text/visible";
import { type Field, kWholeObject, typed } from "./fields";
import type { ArgumentsForm } from "./use_arguments";
import classes from "./methods.module.css";

interface Props {
  form: ArgumentsForm;
  faults: Readonly<Record<string, string>>;
  /** A secret changed; what it is stays in its input. */
  onSecret: () => void;
  onFault: (name: string, fault: string) => void;
}

export function ParameterFields({ form, faults, onSecret, onFault }: Props) {
  if (form.open) {
    return (
      <Textarea
        label="Arguments" description="Its metadata names no parameters: any JSON object will do" placeholder={'{"name": "value"}'}
        value={form.filled[kWholeObject] ?? ""} onChange={(event) => form.fill(kWholeObject, event.currentTarget.value)}
        error={faults[kWholeObject]} autosize minRows={3} maxRows={16} {...kCode} {...kPlain}
      />
    );
  }
  if (form.fields.length === 0) return <Text size="sm" c="dimmed">It takes no arguments.</Text>;
  return (
    <Stack gap="md">
      {form.fields.map((field) => (
        field.sensitive
          ? <SecretField key={field.name} field={field} form={form} fault={faults[field.name]} onSecret={onSecret} onFault={onFault} />
          : <OpenField key={field.name} field={field} value={form.filled[field.name] ?? ""} fault={faults[field.name]} onChange={(text) => form.fill(field.name, text)} />
      ))}
    </Stack>
  );
}

const kPlain = { spellCheck: false, autoComplete: "off", autoCapitalize: "off" } as const;
const kCode = { classNames: { input: classes.code ?? "" } } as const;
const kHowShort: Partial<Record<Field["kind"], string>> = {
  lines: "one a line",
  json: "as JSON",
  any: 'text, or JSON ("3" is the text, 3 the number)',
};

/** What it is for; and, smaller, what it may be. */
function hintOf(field: Field): ReactNode {
  const how = kHowShort[field.kind];
  const what = visibleLine(field.expected.replace(/, or nothing$/, ""), 400);
  return (
    <>
      {field.description !== "" && <span className={classes.purpose}>{visibleLine(field.description, 1_000)}</span>}
      {field.kind !== "boolean" && (field.kind !== "choices" || field.description === "") && (
        <span className={classes.expected}>{what}{how === undefined ? "" : `; ${how}`}</span>
      )}
    </>
  );
}

/** Every field is called by the parameter, has its hint above and its fault below. */
function frameOf(field: Field, fault: string | undefined) {
  return {
    label: <code className={classes.parameter}>{field.name}</code>,
    description: hintOf(field),
    withAsterisk: field.required,
    "aria-required": field.required,
    error: fault === undefined ? undefined : visibleLine(fault, 1_000),
    "data-parameter": field.name,
  } as const;
}

interface OpenProps {
  field: Field;
  value: string;
  fault: string | undefined;
  onChange: (text: string) => void;
}

function OpenField({ field, value, fault, onChange }: OpenProps) {
  const standard = typed(field.fallback, field.kind);
  const frame = frameOf(field, fault);
  const left = standard === "" ? (field.required ? undefined : "not given") : visibleLine(standard, 200);
  switch (field.kind) {
    case "boolean":
      if (field.fallback !== undefined) {
        return (
          <Checkbox
            {...frame} label={<code className={classes.parameter}>{field.name}</code>} checked={(value === "" ? standard : value) === "true"}
            onChange={(event) => onChange(String(event.currentTarget.checked))}
          />
        );
      }
      return <Select {...frame} data={field.choices} value={value === "" ? null : value} placeholder={left ?? "true or false"} clearable={!field.required} onChange={(choice) => onChange(choice ?? "")} />;
    case "choices":
      return (
        <Select
          {...frame} data={field.choices} value={value === "" ? (standard === "" ? null : standard) : value} placeholder={left ?? "choose one"}
          clearable={!field.required && standard === ""} allowDeselect={false} searchable={field.choices.length > 8} onChange={(choice) => onChange(choice ?? "")}
        />
      );
    case "number":
    case "whole":
      return <TextInput {...frame} {...kPlain} value={value} placeholder={left} inputMode={field.kind === "whole" ? "numeric" : "decimal"} maxLength={40} onChange={(event) => onChange(event.currentTarget.value)} />;
    case "text":
      if (field.choices.length > 0) return <Autocomplete {...frame} {...kPlain} data={field.choices} value={value} placeholder={left} onChange={onChange} />;
      return <Textarea {...frame} {...kPlain} {...kCode} value={value} placeholder={left} autosize minRows={1} maxRows={10} onChange={(event) => onChange(event.currentTarget.value)} />;
    case "lines":
    case "json":
    case "any":
      return (
        <Textarea
          {...frame} {...kPlain} {...kCode} value={value} placeholder={left} autosize minRows={field.kind === "any" ? 1 : 2} maxRows={16}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      );
  }
}

interface SecretProps extends Pick<Props, "form" | "onSecret" | "onFault"> {
  field: Field;
  fault: string | undefined;
}

function SecretField({ field, form, fault, onSecret, onFault }: SecretProps) {
  // One line is all that such a field holds: a key of many lines would be sent broken.
  const paste = (event: ClipboardEvent) => {
    if (!/[\r\n]./.test(event.clipboardData.getData("text"))) return;
    event.preventDefault();
    onFault(field.name, `This field holds one line. The command line sends more: ${field.name}=@FILE`);
  };
  return (
    <PasswordInput
      {...frameOf(field, fault)} ref={form.secret(field.name)} autoComplete="new-password" spellCheck={false} onPaste={paste} onInput={onSecret}
      placeholder={field.required ? undefined : "not given"} visibilityToggleButtonProps={{ "aria-label": `Show ${field.name}` }}
    />
  );
}
